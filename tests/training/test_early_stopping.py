from amh_tf.training import early_stopping


def steps_of(metric, scores, patience=2):
    chosen = early_stopping.EarlyStopping(metric, patience)
    improved = [chosen.update(score, step) for step, score in enumerate(scores)]
    return chosen, improved


def test_largest_score_is_best_and_ties_keep_the_earlier():
    chosen, improved = steps_of("weighted_accuracy", [0.5, 0.6, 0.6, 0.4])
    assert improved == [True, True, False, False]
    assert (chosen.best, chosen.best_step, chosen.without_gain) == (0.6, 1, 2)
    assert chosen.exhausted


def test_smallest_loss_is_best():
    chosen, improved = steps_of("loss", [1.0, 1.2, 0.9])
    assert improved == [True, False, True]
    assert (chosen.best, chosen.best_step, chosen.exhausted) == (0.9, 2, False)


def test_score_of_zero_is_a_first_best():
    assert steps_of("macro_f1", [0.0])[1] == [True]
