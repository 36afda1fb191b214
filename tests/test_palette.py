from amh_tf import palette


def test_colours_differ_for_the_classes_of_every_corpus():
    for classes in (
        ("ang", "exc", "hap", "sad", "fru", "sur", "neu", "fea", "dis", "oth"),
        ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"),
        ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"),
        tuple(f"class {number}" for number in range(16)),
    ):
        assert len(set(palette.colors(classes))) == len(classes)
    assert not palette.is_light("#0072b2") and palette.is_light("#f0e442")
