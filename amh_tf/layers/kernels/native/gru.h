// The steps of a GRU.
#ifndef AMH_TF_GRU_H_
#define AMH_TF_GRU_H_

#include "steps.h"

namespace amh {

template <class Numbers>
void GruForward(const Sizes& sizes, const ForwardWeights<Numbers>& weights,
                const ForwardStep<Numbers>& step) {
  const int units = sizes.units, wide = sizes.wide(), rows = step.rows;
  const bool after = sizes.reset_after(), streams = step.streamed;
  const long stride = sizes.saved(), left_stride = step.left_stride;
  const int update = sizes.update(), reset = sizes.reset(), inner = sizes.after_gates();
  auto* left = step.left;
  float *h = step.h, *gates = step.gates, *saved = step.streamed;
  float* const* to = step.states;
  const Part<Numbers> none{left, 0, 0};
  const Part<Numbers> reset_part{left, left_stride, RoundUp(units, Numbers::kDepth)};
  const Part<Numbers> h_part = Left<Numbers>(h, wide, rows, units, left, left_stride);
  Multiply<Numbers>(rows, step.x, h_part, weights.gates, 2 * units, weights.gates_bias,
                    [=](int i, int n, Vec sum) {
                      const long place = i * stride + update + n;
                      const Vec gate = Sigmoid(sum);
                      Store(gates + place, gate);
                      if (streams) Stream(saved + place, gate);
                    });
  if (after) {
    Multiply<Numbers>(rows, h_part, none, weights.inner, units, weights.inner_bias,
                      [=](int i, int n, Vec sum) {
                        const long place = i * stride + inner + n;
                        Store(gates + place, sum);
                        if (streams) Stream(saved + place, sum);
                      });
  } else {
    for (int i = 0; i < rows; ++i) {
      const float* r = gates + i * stride + reset;
      auto* scaled_row = left + i * left_stride;
      for (int n = 0; n < units; n += kWidth) {
        const Vec scaled = Load(r + n) * Load(h + i * wide + n);
        StoreFirst(scaled_row + n, Numbers::Make(scaled), units - n);
      }
    }
  }
  Multiply<Numbers>(rows, step.x, after ? none : reset_part, weights.candidate, units,
                    weights.candidate_bias, [=](int i, int n, Vec sum) {
                      float* row = gates + i * stride + n;
                      if (after) sum += Load(row + reset) * Load(row + inner);
                      const Vec c = Tanh(sum), z = Load(row + update);
                      streams ? Stream(saved + i * stride + n, c) : Store(row, c);
                      const Vec state = c + z * (Load(h + i * wide + n) - c);
                      Store(h + i * wide + n, state);
                      StoreFirst(to[i] + n, state, units - n);
                    });
}

// Computes what does not depend on products: the gradients of update gate and candidate.
template <class Numbers>
void GruRowBack(const Sizes& sizes, const WeightGradients& sums, const BackwardRow<Numbers>& of) {
  const BackwardRow<Numbers> in = of;  // a copy: what is stored cannot change it
  const int units = sizes.units, whole = units / kWidth * kWidth;  // in whole vectors
  const int update = sizes.update(), reset = sizes.reset(), inner = sizes.after_gates();
  const bool after = sizes.reset_after();
  auto* reset_state = in.block + sums.state_rows + sums.input_rows;
  auto at = [&](int n, int count) {
    const Vec z = Load(in.saved + update + n), c = Load(in.saved + n);
    const Vec r = Load(in.saved + reset + n), h = LoadFirst(in.h + n, count);
    const Vec all =
        LoadFirst(in.d + n, count) + LoadFirst(in.ended + n, count) + Load(in.carried + n);
    const Vec through = all * z, rest = all - through;
    const Vec d_c = rest * (1.0f - c * c), d_z = rest * z * (h - c);
    Store(in.carried + n, through);
    Store(in.beside + n, h);
    StoreFirst(in.block + n, Numbers::Make(h), count);
    StoreFirst(reset_state + n, Numbers::Make(r * h), count);
    if (after) {
      const Vec d_r = d_c * Load(in.saved + inner + n) * r * (1.0f - r);
      Store(in.gates + inner + n, d_c * r);
      Store(in.gates + reset + n, d_r);
    }
    Store(in.gates + n, d_c);
    // What follows the update gate is still to be read.
    StoreFirst(in.gates + update + n, d_z, count);
  };
  for (int n = 0; n < whole; n += kWidth) at(n, kWidth);
  if (whole < units) at(whole, units - whole);
}

template <class Numbers>
void GruBack(const Sizes& sizes, const BackwardWeights<Numbers>& weights,
             const BackwardStep<Numbers>& step) {
  const int units = sizes.units, wide = sizes.wide(), rows = step.rows;
  const int reset = sizes.reset(), inner = sizes.after_gates();
  const bool after = sizes.reset_after();
  const long stride = sizes.saved();
  const float *from = step.saved, *before = step.beside;
  float *to = step.gates, *carried = step.carried;
  const Part<Numbers> none{step.left, 0, 0};
  const Part<Numbers> scaled =
      Left<Numbers>(to + (after ? inner : 0), stride, rows, units, step.left, step.left_stride);
  Multiply<Numbers>(rows, scaled, none, weights.candidate, units, nullptr,
                    [=](int i, int n, Vec sum) {
                      float* d_h = carried + i * wide + n;
                      if (after) {
                        Store(d_h, Load(d_h) + sum);
                        return;
                      }
                      const Vec r = Load(from + i * stride + reset + n);
                      Store(d_h, Load(d_h) + sum * r);
                      Store(to + i * stride + reset + n,
                            sum * Load(before + i * wide + n) * r * (1.0f - r));
                    });
  const Part<Numbers> gates = Left<Numbers>(to + sizes.update(), stride, rows, 2 * units, step.left,
                                            step.left_stride);
  Multiply<Numbers>(rows, gates, none, weights.gates, units, nullptr, [=](int i, int n, Vec sum) {
    float* d_h = carried + i * wide + n;
    Store(d_h, Load(d_h) + sum);
  });
}

template <class Numbers>
void GruSums(const Sizes& sizes, const OuterSums<Numbers>& outer, const WeightGradients& sums) {
  const int units = sizes.units;
  const bool after = sizes.reset_after();
  outer.Add(0, sums.state_rows + sums.input_rows, sizes.update(), 2 * units, sums.gates,
            sums.gates_stride, sums.gates_bias);
  outer.Add(sums.state_rows, sums.input_rows + (after ? 0 : sums.state_rows), 0, units,
            sums.candidate, sums.candidate_stride, sums.candidate_bias);
  if (after) {
    outer.Add(0, sums.state_rows, sizes.after_gates(), units, sums.inner, sums.candidate_stride,
              sums.inner_bias);
  }
}

}  // namespace amh

#endif  // AMH_TF_GRU_H_
