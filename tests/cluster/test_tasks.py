"""Tasks on workers: lost workers, errors, the end."""

import os
import time

import pytest

from napari_sciml.cluster import tasks
from napari_sciml.cluster.client import connect
from napari_sciml.errors import InputError


def run_tasks(*args, **kwargs):
    """Without the chances to stop."""
    found = tasks.run_tasks(*args, **kwargs)
    return (ended for ended in found if ended is not None)


def test_every_task_comes_back_once_with_its_number(client) -> None:
    found = list(
        run_tasks(client, lambda n: n * n, [(n,) for n in range(50)], name="square")
    )
    assert sorted(found) == [(n, n * n) for n in range(50)]


def test_both_workers_take_part(client) -> None:
    def who(seconds):
        time.sleep(seconds)
        return os.getpid()

    found = run_tasks(client, who, [(0.2,)] * 8, name="who")
    assert len({pid for _, pid in found} - {os.getpid()}) == 2


def test_a_lost_worker_costs_nothing_but_time(client, tmp_path) -> None:
    def die_once(number, marker):
        if number == 3:
            try:
                open(marker, "x").close()
            except FileExistsError:
                return number
            os._exit(1)
        return number

    arguments = [(number, str(tmp_path / "died")) for number in range(8)]
    found = sorted(run_tasks(client, die_once, arguments, name="task"))
    assert found == [(n, n) for n in range(8)]
    assert (tmp_path / "died").exists()


def test_a_task_that_kills_every_worker_is_named() -> None:
    # Workers of its own: dask may give up the guard of one that dies so often.
    with connect("local", workers=2) as client:
        client.wait_for_workers(2, timeout=60)
        with pytest.raises(InputError, match=r"tried block 1 were lost.*memory"):
            list(run_tasks(client, os._exit, [(1,)], name="block"))
        client.wait_for_workers(1, timeout=60)
        assert list(run_tasks(client, abs, [(-3,)], name="block")) == [(0, 3)]


def test_what_the_user_can_mend_comes_back_as_it_is_and_ends_all(client) -> None:
    def refuse(number):
        from napari_sciml.errors import InputError

        raise InputError("The image is gone: put it back.")

    found = run_tasks(client, refuse, [(n,) for n in range(100)], name="task")
    with pytest.raises(InputError, match=r"^The image is gone: put it back\.$"):
        list(found)


def test_a_machine_that_fails_is_given_another_chance(client, tmp_path) -> None:
    def fail_once(marker):
        try:
            open(marker, "x").close()
        except FileExistsError:
            return "done"
        raise OSError("disk away")

    found = run_tasks(client, fail_once, [(str(tmp_path / "f"),)], name="task")
    assert list(found) == [(0, "done")]


def test_a_package_that_a_worker_lacks_is_named(client) -> None:
    def use():
        import not_there

        return not_there

    with pytest.raises(InputError, match=r"no not_there: install napari-sciml there"):
        list(run_tasks(client, use, [()], name="task"))


def test_closing_ends_what_waits(client, tmp_path) -> None:
    def leave_a_mark(number, folder):
        open(f"{folder}/{number}", "x").close()

    arguments = [(n, str(tmp_path)) for n in range(1000)]
    found = tasks.run_tasks(client, leave_a_mark, arguments, name="task")
    next(found)
    found.close()
    assert len(list(tmp_path.iterdir())) < 500


def test_no_scheduler_and_no_workers_are_said(client) -> None:
    from distributed import LocalCluster

    with (
        pytest.raises(InputError, match=r"no Dask scheduler at tcp://127.0.0.1:1: "),
        connect("tcp://127.0.0.1:1", patience=1),
    ):
        pass
    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        pytest.raises(InputError, match="has no workers: start some"),
        connect(cluster.scheduler_address, patience=1),
    ):
        pass


def test_it_is_said_when_all_workers_are_lost_and_it_goes_on_with_others() -> None:
    from distributed import LocalCluster

    said = []
    options = {"processes": False, "threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        LocalCluster(n_workers=1, **options) as cluster,
        connect(cluster.scheduler_address) as client,
    ):
        found = tasks.run_tasks(
            client, time.sleep, [(0.01,)] * 5, name="task", say=said.append
        )
        next(found)
        cluster.scale(0)
        for ended in found:
            if ended is None and said:
                cluster.scale(1)
    assert said == ["All workers are lost: waiting for others to come."]


def test_a_result_lost_with_its_worker_is_worked_out_again(monkeypatch) -> None:
    """Tasks that ended while another's result was taken, before theirs was."""
    from distributed import LocalCluster, wait

    def all_of_them(client, running):
        with client.as_current():
            return wait(list(running)).done

    monkeypatch.setattr(tasks, "_finished", all_of_them)
    said, numbers = [], []
    options = {"processes": False, "threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        LocalCluster(n_workers=1, **options) as cluster,
        connect(cluster.scheduler_address) as client,
    ):
        found = tasks.run_tasks(
            client, abs, [(-n,) for n in range(tasks.AHEAD)], name="x", say=said.append
        )
        numbers.append(next(found))
        cluster.sync(cluster.workers[0].close)
        for ended in found:
            if ended is not None:
                numbers.append(ended)
            elif said:
                cluster.scale(2)
    assert sorted(numbers) == [(n, n) for n in range(tasks.AHEAD)]
    assert said == ["All workers are lost: waiting for others to come."]


def test_others_do_not_compute_on_our_workers(client) -> None:
    """A viewer's layers of dask arrays would wait for a cluster that has gone."""
    from distributed import default_client

    with pytest.raises(ValueError, match="No client"):
        default_client()
