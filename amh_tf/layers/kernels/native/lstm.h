// The steps of an LSTM.
#ifndef AMH_TF_LSTM_H_
#define AMH_TF_LSTM_H_

#include "steps.h"

namespace amh {

// What a row saves, from unit n on: input gate, forget gate, candidate and output gate.
struct LstmGates {
  Vec i, f, g, o;

  static LstmGates At(const float* row, int units) {
    return {Load(row), Load(row + units), Load(row + 2 * units), Load(row + 3 * units)};
  }
  // Of the last units, what follows a gate is the next one's first unit.
  void StoreAt(float* row, int units, int count) const {
    StoreFirst(row, i, count);
    StoreFirst(row + units, f, count);
    StoreFirst(row + 2 * units, g, count);
    StoreFirst(row + 3 * units, o, count);
  }
};

template <class Numbers>
void LstmForward(const Sizes& sizes, const ForwardWeights<Numbers>& weights,
                 const ForwardStep<Numbers>& step) {
  const int units = sizes.units, wide = sizes.wide(), rows = step.rows, cell = sizes.after_gates();
  const long stride = sizes.saved();
  float* gates = step.gates;
  const Part<Numbers> h_part =
      Left<Numbers>(step.h, wide, rows, units, step.left, step.left_stride);
  Multiply<Numbers>(rows, step.x, h_part, weights.gates, 4 * units, weights.gates_bias,
                    [=](int i, int n, Vec sum) { Store(gates + i * stride + n, sum); });
  for (int i = 0; i < rows; ++i) {
    float *row = gates + i * stride, *h = step.h + i * wide, *c = step.c + i * wide;
    float* to = step.states[i];
    auto at = [=](int n, int count) {
      const LstmGates sums = LstmGates::At(row + n, units);
      const LstmGates made{Sigmoid(sums.i), Sigmoid(sums.f), Tanh(sums.g), Sigmoid(sums.o)};
      const Vec state = made.f * Load(c + n) + made.i * made.g, unit = made.o * Tanh(state);
      made.StoreAt(row + n, units, count);
      Store(row + cell + n, state);
      Store(c + n, state);
      Store(h + n, unit);
      StoreFirst(to + n, unit, count);
    };
    const int whole = units / kWidth * kWidth;  // in whole vectors
    for (int n = 0; n < whole; n += kWidth) at(n, kWidth);
    if (whole < units) at(whole, units - whole);
    if (!step.streamed) continue;
    // Gates begin within a vector, and so are made elsewhere first.
    for (int n = 0; n < stride; n += kWidth) {
      Stream(step.streamed + i * stride + n, Load(row + n));
    }
  }
}

// Computes what does not depend on products: the gradients of gates and cell.
template <class Numbers>
void LstmRowBack(const Sizes& sizes, const BackwardRow<Numbers>& of) {
  const BackwardRow<Numbers> in = of;  // a copy: what is stored cannot change it
  const int units = sizes.units, whole = units / kWidth * kWidth;  // in whole vectors
  const int cell = sizes.after_gates();
  auto at = [&](int n, int count) {
    const LstmGates made = LstmGates::At(in.saved + n, units);
    const Vec before = in.saved_before ? Load(in.saved_before + cell + n) : Vec{};
    const Vec bounded = Tanh(Load(in.saved + cell + n)), d_cell = Load(in.beside + n);
    const Vec d_h =
        LoadFirst(in.d + n, count) + LoadFirst(in.ended + n, count) + Load(in.carried + n);
    const Vec d_c = d_cell + d_h * made.o * (1.0f - bounded * bounded);
    const LstmGates d{d_c * made.g * made.i * (1.0f - made.i),
                      d_c * before * made.f * (1.0f - made.f),
                      d_c * made.i * (1.0f - made.g * made.g),
                      d_h * bounded * made.o * (1.0f - made.o)};
    d.StoreAt(in.gates + n, units, count);
    Store(in.beside + n, d_c * made.f);
    StoreFirst(in.block + n, Numbers::Make(LoadFirst(in.h + n, count)), count);
  };
  for (int n = 0; n < whole; n += kWidth) at(n, kWidth);
  if (whole < units) at(whole, units - whole);
}

template <class Numbers>
void LstmBack(const Sizes& sizes, const BackwardWeights<Numbers>& weights,
              const BackwardStep<Numbers>& step) {
  const int units = sizes.units, wide = sizes.wide();
  float* carried = step.carried;
  const Part<Numbers> gates = Left<Numbers>(step.gates, sizes.saved(), step.rows, 4 * units,
                                            step.left, step.left_stride);
  Multiply<Numbers>(step.rows, gates, {step.left, 0, 0}, weights.gates, units, nullptr,
                    [=](int i, int n, Vec sum) { Store(carried + i * wide + n, sum); });
}

template <class Numbers>
void LstmSums(const Sizes& sizes, const OuterSums<Numbers>& outer, const WeightGradients& sums) {
  outer.Add(0, sums.state_rows + sums.input_rows, 0, 4 * sizes.units, sums.gates,
            sums.gates_stride, sums.gates_bias);
}

}  // namespace amh

#endif  // AMH_TF_LSTM_H_
