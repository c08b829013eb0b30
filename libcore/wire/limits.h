/* Limits on the memory that a peer can make a decoder use; each is checked before memory is taken. */
#pragma once

enum {
	RELOAD_LIMIT_LIST = 4096, /* elements of any one list: node lists of an Update reach 4095 */
	RELOAD_LIMIT_DESTINATIONS =
		256, /* entries of a Via or Destination List: the ttl is at most 255 */
	RELOAD_LIMIT_CANDIDATES = 100,        /* of an Attach or AppAttach */
	RELOAD_LIMIT_ICE_EXTENSIONS = 16,     /* of a candidate */
	RELOAD_LIMIT_OPTIONS = 32,            /* forwarding options of a message */
	RELOAD_LIMIT_EXTENSIONS = 32,         /* message extensions */
	RELOAD_LIMIT_DIAGNOSTICS = 128,       /* Kinds of a diagnostic request or its response */
	RELOAD_LIMIT_CERTIFICATES = 32,       /* certificates of a security block */
	RELOAD_LIMIT_VALUES = 4096,           /* values of one Kind in one message */
	RELOAD_LIMIT_DEPTH = 16,              /* nesting of structures */
	RELOAD_LIMIT_ARENA = 8 * 1024 * 1024, /* bytes of decoded lists of one message */
	RELOAD_LIMIT_MESSAGE =
		16 * 1024 * 1024 + 256 * 1024, /* header and 2^24 - 1 bytes in fragments */
};
