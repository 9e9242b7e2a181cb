"""Workers: jobs side by side, each as if it had a task of its own."""

from contextvars import ContextVar

import anyio

from antiphon.engine.workers import Workers

seen: ContextVar[str] = ContextVar("seen", default="nothing")


async def test_jobs_run_side_by_side_however_long_one_takes() -> None:
    gate = anyio.Event()
    log: list[str] = []

    async def waits() -> None:
        await gate.wait()
        log.append("waited")

    async def opens() -> None:
        log.append("opened")
        gate.set()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            workers = Workers(tasks)
            for _ in range(20):
                workers.submit(waits)
            workers.submit(opens)
            workers.close()
    assert log == ["opened"] + ["waited"] * 20


async def test_a_job_submitted_by_a_job_runs_although_its_parent_waits_for_it() -> None:
    done = anyio.Event()

    async def child() -> None:
        done.set()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            workers = Workers(tasks)

            async def parent() -> None:
                workers.submit(child)
                await done.wait()

            workers.submit(parent)
            await done.wait()
            workers.close()


async def test_a_job_sees_the_context_of_its_caller_and_none_of_other_jobs() -> None:
    told: list[str] = []
    seen.set("the caller's")

    async with anyio.create_task_group() as tasks:
        workers = Workers(tasks)

        async def second() -> None:
            told.append(seen.get())

        async def first() -> None:
            seen.set("the first job's")
            workers.submit(second)
            await anyio.lowlevel.checkpoint()
            told.append(seen.get())

        workers.submit(first)
        workers.submit(second)
        await anyio.wait_all_tasks_blocked()
        workers.close()
    assert sorted(told) == ["the caller's", "the caller's", "the first job's"]


async def test_quick_jobs_share_a_worker_and_idle_workers_end_with_close() -> None:
    names: set[str] = set()

    async def job() -> None:
        names.add(str(anyio.get_current_task().id))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            workers = Workers(tasks)
            for _ in range(100):
                workers.submit(job)
            await anyio.wait_all_tasks_blocked()
            workers.submit(job)
            await anyio.wait_all_tasks_blocked()
            workers.close()
    assert len(names) <= 2


async def test_cancelling_the_group_ends_jobs_and_workers() -> None:
    ended: list[str] = []

    async def job() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("ended")

    async with anyio.create_task_group() as tasks:
        workers = Workers(tasks)
        workers.submit(job)
        workers.submit(job)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert ended == ["ended", "ended"]
