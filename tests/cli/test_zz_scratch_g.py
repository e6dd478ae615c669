import json
from tests.cli.conftest import until
from tests.cli.test_clocks import *
@pytest.mark.usefixtures("clocked")
def test_x(cli):
    begun = cli("run", "told-in-time", "leak=two", "--yes", "-o", "json")
    incident = json.loads(begun.out)["incident"]
    until(lambda: names(cli, incident).get("authority") == "running")
    print(cli("clocks").out); print(cli("clocks", incident).out); print(cli("show", incident).out)
    print(cli("clocks", "declare", incident, "materiality_decided", "--reason", "the board met").out)
    print(cli("clocks", "met", incident, "authoritee", "--reason", "x").err)
    print(cli("clocks", "met", incident, "authority", "--reason", "x", "--at", "tomorrow").err)
    print(cli("clocks", "waive", incident, "authority", "--reason", "x").out)
    print(cli("abort", incident, "--reason", "x").out)
    until(lambda: json.loads(cli("show", incident, "-o", "json").out)["timekeeper"])
    print(cli("show", incident).out); print(cli("timeline", incident).out)
    for c in ("filing", "house"): print(cli("clocks", "waive", incident, c, "--reason", "x").out)
    print(cli("clocks").out)
