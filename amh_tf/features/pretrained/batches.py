"""Batches of sequences of like lengths, the same whenever the same sequences are given."""


def by_length(lengths, most, pads):
    """Deals out sequences to batches.

    Args:
        lengths: Length of each.
        most: Sequences of a batch at most.
        pads: Whether sequences of other lengths can share a batch.

    Returns:
        List of lists of places in `lengths`.
    """
    batches = []
    for place in sorted(range(len(lengths)), key=lambda place: (lengths[place], place)):
        is_open = batches and len(batches[-1]) < most
        if is_open and (pads or lengths[batches[-1][-1]] == lengths[place]):
            batches[-1].append(place)
        else:
            batches.append([place])
    return batches
