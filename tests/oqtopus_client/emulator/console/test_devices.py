"""The pages of devices."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from oqtopus_client.calibration import Calibration
from oqtopus_client.emulator import Emulator
from oqtopus_client.physics import medians
from tests.support.chips import CHIP
from tests.support.console import logged_in

DEVICE = "/console/devices/lattice64"


def rows(page: str, section: str) -> list[list[str]]:
    """Return the cells of the table that follows a heading."""
    table = page.split(f'id="{section}"')[1].split("<tbody>")[1].split("</tbody>", maxsplit=1)[0]
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)]
        for row in table.split("</tr>")[:-1]
    ]


def sent(response: httpx.Response) -> str:
    """Return where an action leads."""
    assert response.status_code == 303, response.text
    return response.headers["location"]


def test_all_devices_are_listed(emulator: Emulator, browser: httpx.Client) -> None:
    """Each has its medians, as the command line shows them."""
    listed = {row[0]: row for row in rows(browser.get("/console/devices").text, "devices")}
    typical = medians(Calibration.of(emulator.devices["lattice64"].description["device_info"]))

    assert list(listed) == list(emulator.devices)
    assert listed["lattice64"][1:5] == ["QPU", "available", "64", "0"]
    assert listed["lattice64"][5] == f"{100 * typical['median_two_qubit_error']:.2f} %"
    assert listed["lattice64"][6] == f"{100 * typical['median_readout_error']:.2f} %"
    assert listed["lattice64"][7].endswith(" days ago")


def test_tables_have_the_published_values(emulator: Emulator, browser: httpx.Client) -> None:
    """Qubits and couplings are shown with all their values, in the order of their indices."""
    page = browser.get(DEVICE).text
    info = emulator.devices["lattice64"].description["device_info"]

    assert rows(page, "qubits") == [
        [
            str(i),
            f"{100 * qubit['meas_error']['readout_assignment_error']:.2f}",
            f"{100 * qubit['meas_error']['prob_meas1_prep0']:.2f}",
            f"{100 * qubit['meas_error']['prob_meas0_prep1']:.2f}",
            f"{100 * (1 - qubit['fidelity']):.3f}",
            f"{qubit['qubit_lifetime']['t1']:.1f}",
            f"{qubit['qubit_lifetime']['t2']:.1f}",
            "16",
        ]
        for i, qubit in enumerate(info["qubits"])
    ]
    assert rows(page, "couplings") == [
        [str(c["control"]), str(c["target"]), f"{100 * (1 - c['fidelity']):.2f}", str(c["gate_duration"]["rzx90"] + 16)]
        for c in info["couplings"]
    ]


def test_tables_are_sorted_by_links(browser: httpx.Client) -> None:
    """The head of a column sorts by it, and a second time the other way round; the other table stays."""
    ascending = browser.get(f"{DEVICE}?sort=t1").text
    values = [float(row[5]) for row in rows(ascending, "qubits")]
    (again,) = re.findall(r'aria-sort="ascending"><a href="([^"]+)"', ascending)
    descending = browser.get(DEVICE + again.partition("#")[0]).text

    assert values == sorted(values)
    assert [float(row[5]) for row in rows(descending, "qubits")] == values[::-1]
    assert rows(descending, "couplings") == rows(browser.get(DEVICE).text, "couplings")


def test_unknown_values_come_last(emulator: Emulator, browser: httpx.Client) -> None:
    """In either order, qubits without a value follow the others."""
    info = json.loads(emulator.devices["lattice64"].device_info)
    info["qubits"][3]["qubit_lifetime"] = None
    emulator.calibrate("lattice64", info)

    for sort in ("t1", "-t1"):
        page = browser.get(f"{DEVICE}?sort={sort}&colour=t1").text
        assert rows(page, "qubits")[-1][:1] == ["3"]
        assert "Dashed: unknown." in page
        assert 'class="qubit unknown"' in page


@pytest.mark.parametrize("query", ["?sort=x", "?colour=x", "?start=-1", "?start=9", "?start=²", "?sort=-"])
def test_odd_choices_show_the_page(browser: httpx.Client, query: str) -> None:
    """What does not exist is left out."""
    assert browser.get(DEVICE + query).status_code == 200


def test_a_device_is_switched_off_and_on(emulator: Emulator, browser: httpx.Client) -> None:
    """A button changes the status; the next page says so."""
    target = sent(browser.post(f"{DEVICE}/status", data={"status": "unavailable"}))
    assert not emulator.devices["lattice64"].available
    assert "switched off" in browser.get(target).text

    target = sent(browser.post(f"{DEVICE}/status", data={"status": "available"}))
    assert emulator.devices["lattice64"].available
    assert "switched on" in browser.get(target).text
    assert browser.post(f"{DEVICE}/status", data={"status": "broken"}).status_code == 400


def test_recalibration(emulator: Emulator, browser: httpx.Client) -> None:
    """Values drift as the seed says, the date is the present, and the earlier calibration can still be seen."""
    before = emulator.devices["lattice64"].description
    for _ in range(2):
        sent(browser.post(f"{DEVICE}/recalibrate", data={"drift": "5", "seed": "7"}))
    page = browser.get(DEVICE).text
    after = emulator.devices["lattice64"].description
    oldest = re.findall(r'<a href="(\?calibration=[^"]+)">Show</a>', page)[-1]
    earlier = browser.get(DEVICE + oldest).text

    assert after["calibrated_at"] > before["calibrated_at"]
    changes = [
        b["qubit_lifetime"]["t1"] / a["qubit_lifetime"]["t1"]
        for a, b in zip(before["device_info"]["qubits"], after["device_info"]["qubits"], strict=True)
    ]
    assert all(change != 1 for change in changes)
    assert 0.6 < min(changes) < max(changes) < 1.6
    assert [row[1:] for row in rows(page, "history")] == [
        ["recalibration", "64", "shown"],
        ["recalibration", "64", "Show"],
        ["device file", "64", "Show"],
    ]
    assert "You see the calibration of" in earlier
    assert rows(earlier, "qubits")[0][5] == f"{before['device_info']['qubits'][0]['qubit_lifetime']['t1']:.1f}"
    assert rows(page, "qubits")[0][5] == f"{after['device_info']['qubits'][0]['qubit_lifetime']['t1']:.1f}"


def test_recalibration_without_drift(emulator: Emulator, browser: httpx.Client) -> None:
    """Only the date is new."""
    before = dict(emulator.devices["lattice64"].description["device_info"])
    sent(browser.post(f"{DEVICE}/recalibrate", data={"drift": "0", "seed": ""}))
    after = dict(emulator.devices["lattice64"].description["device_info"])

    assert after.pop("calibrated_at") > before.pop("calibrated_at")
    assert after == before


@pytest.mark.parametrize("drift", ["-1", "51", "nan", "inf", "x", ""])
def test_a_drift_out_of_range_is_refused(emulator: Emulator, browser: httpx.Client, drift: str) -> None:
    """The calibration stays."""
    before = emulator.devices["lattice64"].description

    assert browser.post(f"{DEVICE}/recalibrate", data={"drift": drift}).status_code == 400
    assert emulator.devices["lattice64"].description == before


def test_a_calibration_is_uploaded(emulator: Emulator, browser: httpx.Client) -> None:
    """A file replaces the calibration; without a date it is dated now."""
    info = json.loads(emulator.devices["lattice64"].device_info)
    info["qubits"][0]["qubit_lifetime"]["t1"] = 12.3
    sent(browser.post(DEVICE, files={"device_info": json.dumps(info).encode()}))

    assert rows(browser.get(DEVICE).text, "qubits")[0][5] == "12.3"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not json", "device_info is not valid JSON"),
        (b"[]", "device_info is a JSON list, not an object."),
        (b"\xff", "The file is not UTF-8 text"),
        (json.dumps(CHIP).encode(), "n_qubits is 64, but device_info has 2 qubits."),
        (b'{"qubits": [{"id": 0, "fidelity": 7}]}', "qubits.0.fidelity is 7"),
        (b'{"qubits": [{"id": "<script>"}]}', "&lt;script&gt;"),
    ],
)
def test_an_upload_that_is_not_valid(browser: httpx.Client, content: bytes, reason: str) -> None:
    """The page says why; nothing changes."""
    before = rows(browser.get(DEVICE).text, "history")
    response = browser.post(DEVICE, files={"device_info": content})

    assert response.status_code == 422
    assert reason in response.text
    assert rows(browser.get(DEVICE).text, "history") == before


def test_a_long_history_has_pages(emulator: Emulator, browser: httpx.Client) -> None:
    """Ten calibrations are listed at a time, the newest first."""
    for day in range(1, 13):
        emulator.calibrate("lattice64", dated(emulator, f"2026-05-{day:02}T00:00:00Z"))
    first = browser.get(DEVICE).text
    (older,) = re.findall(r'href="(\?start=10)#history"', first)
    second = browser.get(DEVICE + older).text

    assert [row[0][:10] for row in rows(first, "history")] == [f"2026-05-{day:02}" for day in range(12, 2, -1)]
    assert [row[0][:10] for row in rows(second, "history")] == ["2026-05-02", "2026-05-01", "2026-04-01"]
    assert "shown" not in {row[3] for row in rows(second, "history")}


def dated(emulator: Emulator, calibrated_at: str) -> dict[str, object]:
    """Return the calibration of the device with another date."""
    return {**emulator.devices["lattice64"].description["device_info"], "calibrated_at": calibrated_at}


def test_a_calibration_belongs_to_its_device(browser: httpx.Client) -> None:
    """Another device's calibration is not found under this one."""
    sent(browser.post("/console/devices/lattice144/recalibrate", data={"drift": "1"}))
    (of_other,) = re.findall(r'\?calibration=[^"]+', browser.get("/console/devices/lattice144").text)

    assert browser.get("/console/devices/lattice144" + of_other).status_code == 200
    assert browser.get(DEVICE + of_other).status_code == 404
    assert browser.get(f"{DEVICE}?calibration=x").status_code == 404


def test_a_simulator(browser: httpx.Client) -> None:
    """A simulator without noise says so, and cannot be recalibrated here."""
    page = browser.get("/console/devices/qulacs").text

    assert "simulates without noise" in page
    assert "Recalibrate" not in page


def test_users_see_their_devices_and_change_nothing(emulator: Emulator) -> None:
    """Other users see no buttons of the operator, may not use them, and learn of no other devices."""
    browser = logged_in(emulator, emulator.add_user("ada", devices=["lattice64"]))
    page = browser.get(DEVICE).text

    assert [row[0] for row in rows(browser.get("/console/devices").text, "devices")] == ["lattice64"]
    assert rows(page, "qubits")
    assert 'method="post" action="/console/devices' not in page
    assert browser.get("/console/devices/qulacs").status_code == 403
    for path, data in (("/status", {"status": "unavailable"}), ("/recalibrate", {"drift": "5"}), ("", {})):
        assert browser.post(f"{DEVICE}{path}", data=data).status_code == 403
    assert emulator.devices["lattice64"].available
    assert browser.get("/console/faults").status_code == 403
    assert "/console/faults" not in page


def test_an_unknown_device(browser: httpx.Client) -> None:
    """The page of a device that does not exist says so."""
    response = browser.get("/console/devices/nothing%3Cb%3E")

    assert response.status_code == 404
    assert "nothing&lt;b&gt;" in response.text
