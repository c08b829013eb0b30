#!/usr/bin/env bats
# CHANGELOG.md is made from commit messages, and kept: tests/lint/changelog in a repository of its own.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR"
	export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a \
		GIT_COMMITTER_EMAIL=a@example.org
	mkdir -p tree/tests/lint
	cp "$BATS_TEST_DIRNAME/../lint/changelog" tree/tests/lint
	git init -q tree
	cd tree
	echo 'VERSION := 0.1.0' >Makefile
	made 'util: the first' 'Changelog-Added: reload-a, which adds' >/dev/null
}

# made MESSAGE...: a commit with these paragraphs.
made() {
	local words=()
	for paragraph in "$@"; do words+=(-m "$paragraph"); done
	git add -A
	git commit -q --allow-empty "${words[@]}"
}

@test "entries stand under version and kind, in the order of commits, each once" {
	made 'a: no user sees it'
	made 'a: one' $'why\n\nChangelog-Fixed: nothing is lost that\n goes on in a second line.'
	made 'a: again' 'Changelog-Added: an option'
	echo 'VERSION := 0.2.0' >Makefile
	made 'the next version' $'Changelog-Fixed: one\nChangelog-Removed: another one'
	made 'a: twice' 'Changelog-Fixed: one'
	tests/lint/changelog --write
	[ "$(sed -n '/^## /,$p' CHANGELOG.md)" = '## 0.2.0

### Fixed

- One

### Removed

- Another one

## 0.1.0

### Added

- reload-a, which adds
- An option

### Fixed

- Nothing is lost that goes on in a second line' ]
	tests/lint/changelog
	# it is part of the commit that it tells of, which does not change it
	git add -A
	git commit -q --amend --no-edit
	tests/lint/changelog
}

@test "what a commit says and the file does not is named, and the other way round" {
	tests/lint/changelog --write
	made 'a: new' 'Changelog-Changed: long words of a change that do not fit one line of the file, which has 120 columns, and go on in the next one'
	run -1 tests/lint/changelog
	[[ $output == 'missing in CHANGELOG.md (make changelog): 0.1.0 Changed: Long words'*' in the next one' ]]
	tests/lint/changelog --write
	run -0 tests/lint/changelog
	sed -i 's/which adds/which does not/' CHANGELOG.md
	run -1 tests/lint/changelog
	[[ ${lines[1]} == 'in CHANGELOG.md and of no commit: 0.1.0 Added: reload-a, which does not' ]]
}

@test "a word that is no kind of change is refused" {
	made 'a: new' 'Changelog-Improved: something'
	run -1 tests/lint/changelog
	[[ $output == *Changelog-Improved* ]]
}

@test "without the whole history, or without git, it is skipped" {
	made 'a: second'
	git clone -q --depth 1 "file://$PWD" ../shallow
	run -77 ../shallow/tests/lint/changelog
	[[ $output == *'whole history'* ]]
	rm -rf .git
	run -77 tests/lint/changelog
	[[ $output == *'no repository'* ]]
}
