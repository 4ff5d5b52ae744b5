"""Canvases in process memory: bounded by bytes, the least recently used ones go."""

from dataclasses import dataclass

from serve.hits.memory import LEAST_NAMES, Memory

HOST = "acme.freshdesk.com"


@dataclass(frozen=True)
class Sized:
    size: int


def test_what_was_not_used_for_longest_makes_room() -> None:
    memory: Memory[Sized] = Memory(100)
    for number in (1, 2):
        memory.put((HOST, number), Sized(45))
    memory.get((HOST, 1))
    memory.put((HOST, 3), Sized(20))
    assert [memory.get((HOST, number)) is not None for number in (1, 2, 3)] == [True, False, True]
    assert memory.bytes == 65


def test_a_full_memory_keeps_what_is_asked_for_twice_and_what_it_held_before() -> None:
    memory: Memory[Sized] = Memory(100)
    for number in (1, 2):
        memory.put((HOST, number), Sized(50))
    for number in range(3, 500):
        memory.put((HOST, number), Sized(50))
    assert [memory.get((HOST, number)) is not None for number in (1, 2)] == [True, True], "read once, by a crawler"
    memory.put((HOST, 3), Sized(50))
    assert memory.get((HOST, 3)) is not None
    memory.put((HOST, 4), Sized(50))
    memory.drop((HOST, 4))
    memory.put((HOST, 600), Sized(50))
    memory.put((HOST, 4), Sized(50))
    assert memory.get((HOST, 4)) is not None, "a newer one of what was held is kept at once"


def test_names_that_were_asked_for_once_are_bounded() -> None:
    memory: Memory[Sized] = Memory(100)
    memory.put((HOST, 0), Sized(95))
    for number in range(1, 10 * LEAST_NAMES):
        memory.put((HOST, number), Sized(50))
    memory.put((HOST, 1), Sized(50))
    assert memory.get((HOST, 1)) is None, "it was long ago"


def test_a_copy_replaces_the_one_before_and_counts_once() -> None:
    memory: Memory[Sized] = Memory(100)
    for size in (30, 40):
        memory.put((HOST, 1), Sized(size))
    assert (len(memory), memory.bytes) == (1, 40)
    memory.drop((HOST, 1))
    memory.drop((HOST, 1))
    assert (len(memory), memory.bytes) == (0, 0)


def test_what_is_larger_than_the_memory_is_not_kept_and_nothing_goes_for_it() -> None:
    memory: Memory[Sized] = Memory(100)
    memory.put((HOST, 1), Sized(60))
    memory.put((HOST, 2), Sized(101))
    assert (len(memory), memory.bytes) == (1, 60)


def test_two_tenants_tickets_of_one_number_are_two() -> None:
    memory: Memory[Sized] = Memory(100)
    memory.put((HOST, 1), Sized(10))
    assert memory.get(("other.freshdesk.com", 1)) is None
