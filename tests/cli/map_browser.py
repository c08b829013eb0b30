#!/usr/bin/python3
"""A person looks at the page of reload-diag map: map_browser.py PAGE PICTURE SILENT opens it in headless Chromium, searches, clicks and hovers, and writes a
picture of it.  SILENT is a peer that does not answer, or -."""

import json
import os
import re
import sys
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

page, picture, silent = sys.argv[1:]
options = Options()
for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,900", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND"):
    options.add_argument(flag)
options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
try:
    browser.set_page_load_timeout(60)
    begun = time.monotonic()
    browser.get("file://" + os.path.abspath(page))
    loaded = time.monotonic() - begun
    peers = json.loads(re.search(r'id="data">(.*?)</script>', open(page).read(), re.S).group(1))["peers"]
    said = lambda: browser.find_element(By.ID, "said").text
    chosen = lambda: [e.get_attribute("id") for e in browser.find_elements(By.CSS_SELECTOR, ".peer.chosen")]
    lit = lambda: len(browser.find_elements(By.CSS_SELECTOR, ".lit"))
    assert len(browser.find_elements(By.CSS_SELECTOR, "circle.peer")) == len(peers)
    assert said() == "Choose a peer." and not chosen()
    # search: the first digits of a Node-ID, in capitals too; then nothing
    some = peers[len(peers) // 2]
    search = browser.find_element(By.ID, "search")
    search.send_keys(some["node_id"][:10].upper())
    assert chosen() == ["n" + some["node_id"]] and some["node_id"] in said(), said()
    # its successor and fingers are drawn
    known = {p["node_id"] for p in peers}
    assert lit() == len([f for f in some["fingers"] + [some["successor"]] if f in known]), lit()
    search.clear()
    search.send_keys("zz")
    assert said() == "no peer begins with that" and not chosen() and not lit()
    # a click, and what a pointer is told
    other = peers[-1]
    dot = browser.find_element(By.ID, "n" + other["node_id"])
    browser.execute_script("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", dot)
    assert chosen() == ["n" + other["node_id"]] and "successor" in said(), said()
    assert other["node_id"] in dot.find_element(By.TAG_NAME, "title").get_attribute("textContent")
    if silent != "-":
        assert "silent" in browser.find_element(By.ID, "n" + silent).get_attribute("class")
        search.clear()
        search.send_keys(silent)
        assert "does not answer" in said(), said()
    browser.save_screenshot(picture)
    errors = [e for e in browser.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]
    assert not errors, errors
    asked = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    urls = {m["params"]["request"]["url"].split(":")[0] for m in asked if m["method"] == "Network.requestWillBeSent"}
    assert urls <= {"file"}, urls
    print(f"{len(peers)} peers, {os.path.getsize(page)} bytes, loaded in {loaded * 1000:.0f} ms")
finally:
    browser.quit()
