"""`faultgate run` against moto: launches that must not happen, and runs that are cut short."""

from __future__ import annotations

import signal

import pytest
from account import make_alarm, make_template
from moto_world import Moto
from publisher import Publisher
from support import Faultgate

MAKING = ("CreateQueue", "PutRule", "PutTargets", "PutEvents", "StartExperiment")


def assert_nothing_was_made(moto: Moto) -> None:
    """Not even for a moment: the requests were never sent."""
    assert moto.requests(*MAKING) == []
    assert moto.experiments() == {}


def test_an_alarm_that_is_in_alarm_forbids_the_launch(moto: Moto, faultgate: Faultgate) -> None:
    make_alarm(moto, "ALARM")
    template = make_template(moto)
    ended = faultgate.ended(faultgate.run("--experiment-template-id", template)).expect(3, "errored")
    assert_nothing_was_made(moto)
    told = ended.experiment
    assert (told["id"], told["score"], told["state"]) == (None, None, "unknown")
    assert "shop-5xx" in told["reason"] and "ALARM" in told["reason"]
    (finding,) = [each for each in ended.result["findings"] if each["level"] == "error"]
    assert finding["subject"] == "stop condition shop-5xx" and finding["remedy"]


def test_an_alarm_that_does_not_exist_forbids_the_launch(moto: Moto, faultgate: Faultgate) -> None:
    template = make_template(moto)
    ended = faultgate.ended(faultgate.run("--experiment-template-id", template)).expect(3, "errored")
    assert_nothing_was_made(moto)
    assert "does not exist" in ended.experiment["reason"]


def test_a_template_that_is_missing(moto: Moto, faultgate: Faultgate) -> None:
    ended = faultgate.ended(faultgate.run("--experiment-template-id", "EXTnone")).expect(3, "errored")
    assert_nothing_was_made(moto)
    assert "EXTnone" in ended.experiment["reason"]
    (finding,) = [each for each in ended.result["findings"] if each["level"] == "error"]
    assert finding["subject"] == "template EXTnone" and "Region (us-east-1)" in finding["remedy"]


def test_of_two_templates_one_is_missing(moto: Moto, faultgate: Faultgate) -> None:
    make_alarm(moto)
    templates = f"{make_template(moto)},EXTnone"
    ended = faultgate.ended(faultgate.run("--experiment-template-id", templates)).expect(3, "errored")
    assert_nothing_was_made(moto)
    assert [each["verdict"] for each in ended.result["experiments"]] == ["errored", "errored"]


def test_looks_that_are_not_answered_are_notes(moto: Moto, faultgate: Faultgate) -> None:
    # moto has no GetSafetyLever.
    moto.alarms_can_be_read = False
    make_alarm(moto)
    template = make_template(moto)
    run = faultgate.run("--experiment-template-id", template)
    Publisher(moto, moto.started(), template).complete()
    ended = faultgate.ended(run).expect(0, "passed")
    notes = {each["subject"]: each["message"] for each in ended.result["findings"] if each["level"] == "note"}
    assert set(notes) == {"safety lever", "stop-condition alarms"}
    for message in notes.values():
        assert "HTTP 404" in message and "Unhandled" not in message and len(message) < 200, message


def test_fis_word_for_a_stop_condition_counts_where_alarms_cannot_be_read(
    moto: Moto, faultgate: Faultgate
) -> None:
    moto.alarms_can_be_read = False
    make_alarm(moto)
    template = make_template(moto)
    run = faultgate.run("--experiment-template-id", template)
    experiment = moto.started()
    moto.fis.stop_experiment(id=experiment)
    moto.let_go()
    Publisher(moto, experiment, template).put("stopped", reason="Experiment halted by stop condition.")
    assert faultgate.ended(run).expect(1, "failed").experiment["score"] == 0


def test_a_timeout_stops_the_experiment(moto: Moto, faultgate: Faultgate) -> None:
    make_alarm(moto)
    template = make_template(moto)
    run = faultgate.run("--experiment-template-id", template, "--timeout", "1s")
    experiment = moto.started()
    Publisher(moto, experiment, template).put("initiating", "running")
    moto.wait_for("StopExperiment")
    assert moto.experiments() == {experiment: "stopping"}
    moto.let_go()
    ended = faultgate.ended(run).expect(4, "timed-out")
    assert moto.experiments() == {experiment: "stopped"}
    told = ended.experiment
    assert (told["state"], told["raw_state"], told["score"]) == ("timed-out", "stopped", None)
    assert (told["stop"]["accepted"], told["stop"]["confirmed"]) == (True, True)
    assert moto.calls("fis")["StopExperiment"] == 1


def test_pending_past_the_queue_timeout(moto: Moto, faultgate: Faultgate) -> None:
    make_alarm(moto)
    template = make_template(moto)
    run = faultgate.run("--experiment-template-id", template, "--queue-timeout", "1s")
    experiment = moto.started()
    Publisher(moto, experiment, template).put("initiating")
    moto.wait_for("StopExperiment")
    moto.let_go()
    ended = faultgate.ended(run).expect(4, "timed-out")
    assert "queue-timeout" in ended.experiment["reason"]
    assert moto.experiments() == {experiment: "stopped"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_experiment_first(
    moto: Moto, faultgate: Faultgate, number: signal.Signals, code: int
) -> None:
    make_alarm(moto)
    template = make_template(moto)
    run = faultgate.run("--experiment-template-id", template)
    experiment = moto.started()
    Publisher(moto, experiment, template).put("initiating", "running")
    run.wait_for_line("running")
    before = len(moto.requests())
    run.send(number)
    moto.wait_for("StopExperiment")
    moto.let_go()
    ended = faultgate.ended(run).expect(code, "cancelled")
    assert moto.experiments() == {experiment: "stopped"}
    after = [each.operation for each in moto.requests()[before:] if each.operation != "ReceiveMessage"]
    assert after[0] == "StopExperiment", after
    assert {"RemoveTargets", "DeleteRule", "DeleteQueue"} <= set(after)
    told = ended.experiment
    assert (told["state"], told["score"], told["stop"]["confirmed"]) == ("cancelled", None, True)
    assert (faultgate.home / "report" / "summary.md").is_file()


def test_a_signal_while_the_launch_is_not_answered(moto: Moto, faultgate: Faultgate) -> None:
    make_alarm(moto)
    launch = moto.hold("StartExperiment")
    run = faultgate.run("--experiment-template-id", make_template(moto))
    launch.until_reached()
    run.send(signal.SIGTERM)
    # Released too late for the binary: it has to look for what its request may have begun.
    moto.wait_for("StopExperiment")
    moto.let_go()
    launch.release()
    ended = faultgate.ended(run).expect(143, "cancelled")
    assert moto.experiments() == {ended.experiment["id"]: "stopped"}
    assert moto.calls("fis")["ListExperiments"] >= 1


def test_a_signal_during_the_handshake_launches_nothing(moto: Moto, faultgate: Faultgate) -> None:
    make_alarm(moto)
    handshake = moto.hold("ReceiveMessage")
    run = faultgate.run("--experiment-template-id", make_template(moto))
    handshake.until_reached()
    moto.wait_for("PutEvents")
    run.send(signal.SIGINT)
    ended = faultgate.ended(run).expect(130, "cancelled")
    handshake.release()
    assert ended.experiment["id"] is None and not moto.requests("StartExperiment")
