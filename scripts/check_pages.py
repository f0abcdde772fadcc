"""What axe-core finds in pages, and whether their tables sort and filter; see `check_pages`.

    python scripts/check_pages.py axe.min.js PAGE.html ...

Each page is loaded by Chromium with axe-core and `PROBE` at its end, which leave what they found in the page.
"""

import json
import re
import subprocess
import sys
import tempfile
from html import unescape
from pathlib import Path
from typing import Any

SERIOUS = ("serious", "critical")
WINDOWS = {"wide": "1400,900", "phone": "500,900"}  # headless Chromium has no narrower window
SCHEMES = {"dark": 0, "light": 1}  # Blink's numbers
CHROMIUM = (
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--dump-dom",
    "--virtual-time-budget=60000",
)  # fmt: skip
# Every column is sorted both ways, in the order of its numbers; the filter leaves the rows that have the word.
PROBE = """
document.querySelectorAll("details").forEach(details => details.open = true);
const faults = [];
document.querySelectorAll("table.sortable").forEach(table => {
  const rows = () => [...table.tBodies[0].rows], count = rows().length;
  [...table.tHead.rows[0].cells].forEach((th, column) => [1, -1].forEach(sign => {
    th.querySelector("button").click();
    const values = rows().map(row => parseFloat(row.cells[column].dataset.value)).filter(value => !isNaN(value));
    const unsorted = values.some((value, i) => i && sign * (value - values[i - 1]) < 0);
    if (unsorted) faults.push(`${th.textContent} is not sorted`);
    if (th.ariaSort !== (sign > 0 ? "ascending" : "descending")) faults.push(`${th.textContent} has another order`);
  }));
  if (rows().length !== count) faults.push("sorting lost rows");
  const input = table.parentElement.previousElementSibling?.querySelector?.("input");
  if (!input) return;
  const word = rows()[0].cells[0].textContent.trim().split(" ")[0];
  input.value = word;
  input.dispatchEvent(new Event("input"));
  const filtered = rows().every(row => row.hidden !== row.cells[0].textContent.includes(word));
  if (!filtered) faults.push(`not filtered by ${word}`);
  input.value = "";
  input.dispatchEvent(new Event("input"));
  if (rows().some(row => row.hidden)) faults.push("the empty filter hides rows");
});
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
if (wide > 0) faults.push(`the page is ${wide} pixels wider than the window`);
axe.run().then(found => {
  const text = JSON.stringify({faults, violations: found.violations, passes: found.passes.length});
  document.body.append(Object.assign(document.createElement("script"), {type: "application/json", id: "found", text}));
});
"""


def main(axe: Path, pages: list[Path]) -> None:
    bad = 0
    for page in pages:
        for window, size in WINDOWS.items():
            for scheme, number in SCHEMES.items():
                found = probed(page, axe, f"--window-size={size}", f"--blink-settings=preferredColorScheme={number}")
                violations = [one for one in found["violations"] if one["impact"] in SERIOUS]
                bad += len(violations) + len(found["faults"])
                rules = f"{found['passes']} rules of axe-core hold, {len(violations)} are seriously broken"
                print(f"{page.parts[-3]}, {window}, {scheme}: {rules}; {'; '.join(found['faults']) or 'tables work'}")
                for one in violations:
                    print(f"  {one['id']} ({one['impact']}): {one['help']}, {len(one['nodes'])} times, as in")
                    print(f"    {one['nodes'][0]['html'][:200]}")
    sys.exit(bool(bad))


def probed(page: Path, axe: Path, *options: str) -> dict[str, Any]:
    """What `PROBE` found in a page."""
    with tempfile.TemporaryDirectory() as folder:
        script = f"<script>{axe.read_text(encoding='utf-8')}</script><script>{PROBE}</script>"
        copy = Path(folder) / "page.html"
        copy.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{script}</body>"), encoding="utf-8")
        command = [*CHROMIUM, f"--user-data-dir={folder}/chromium", *options, copy.as_uri()]
        text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    found = re.search(r'<script type="application/json" id="found">(.*?)</script>', text, re.DOTALL)
    assert found, f"axe-core did not finish: {text[-500:]}"
    result: dict[str, Any] = json.loads(unescape(found[1]))
    return result


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(page) for page in sys.argv[2:]])
