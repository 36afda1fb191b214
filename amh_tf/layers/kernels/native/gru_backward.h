// The gradients of a GRU, on one core.
#ifndef AMH_TF_GRU_BACKWARD_H_
#define AMH_TF_GRU_BACKWARD_H_

#include <algorithm>

#include "gru_rows.h"
#include "memory.h"
#include "products.h"

namespace amh {

// Gradients of the weights that a chunk's rows add up, laid out with whole vectors in a row.
struct WeightGradients {
  // Of the state above that of the inputs for the gates, of the inputs above that of the
  // reset state for the candidate; `inner` is of the state with `reset_after`.
  float *gates, *candidate, *inner;
  float *gates_bias, *candidate_bias, *inner_bias;
  int gates_stride, candidate_stride;
  int state_rows, input_rows;  // with those that fill up

  WeightGradients(const Sizes& sizes, Memory& memory)
      : gates_stride(Vectors(2 * sizes.units) * kWidth),
        candidate_stride(sizes.wide()),
        state_rows(RoundUp(sizes.units, kRows)),
        input_rows(RoundUp(sizes.dim, kRows)) {
    auto zeros = [&](size_t count) {
      float* made = memory.Take<float>(count);
      std::fill_n(made, count, 0.0f);
      return made;
    };
    gates = zeros(static_cast<size_t>(state_rows + input_rows) * gates_stride);
    candidate = zeros(static_cast<size_t>(state_rows + input_rows) * candidate_stride);
    inner = zeros(sizes.reset_after ? state_rows * candidate_stride : 0);
    gates_bias = zeros(gates_stride);
    candidate_bias = zeros(candidate_stride);
    inner_bias = zeros(candidate_stride);
  }
};

// Computes the gradients of a chunk's gates and, added up, of the weights.
//
// saved: what Forward saved; gates: room for their gradients, laid out alike; may be the same.
// d_states: (batch, time, units); d_last: (batch, units).
template <class Numbers>
void Backward(const Chunk& chunk, const Inputs& inputs, const Weights& weights,
              const float* states, const float* saved, const float* d_states, const float* d_last,
              float* gates, WeightGradients& sums, Memory& memory) {
  using Element = typename Numbers::Element;
  constexpr int kPair = Numbers::kPair;
  const Sizes sizes = inputs.sizes;  // a copy: what is stored cannot change it
  const int units = sizes.units, dim = sizes.dim, wide = sizes.wide();
  const long stride = sizes.saved();
  const int update = sizes.update(), reset = sizes.reset(), inner = sizes.inner();
  const bool after = sizes.reset_after;
  const int width = chunk.width();

  const Source recurrent{weights.recurrent, 1, sizes.columns(), 2 * units};
  Source recurrent_c = recurrent;
  recurrent_c.from += 2 * units;
  recurrent_c.rows = units;
  Element* gates_right = memory.Take<Element>(LaidOutSize<Numbers>({2 * units}, units));
  LayOut<Numbers>({recurrent}, units, gates_right);
  Element* candidate_right = memory.Take<Element>(LaidOutSize<Numbers>({units}, units));
  LayOut<Numbers>({recurrent_c}, units, candidate_right);

  // The rows that weight gradients are products with, for as many steps as fit: state, inputs
  // and reset state side by side, the latest step's rows last.
  const int capacity = std::max(width, 128);
  const int block_width = sums.state_rows * 2 + sums.input_rows;
  Element* block = memory.Take<Element>(static_cast<size_t>(capacity) * block_width);
  std::fill_n(block, static_cast<size_t>(capacity) * block_width, Element(0));
  Element* pairs = memory.Take<Element>(static_cast<size_t>(capacity) * block_width);
  Element* panel = memory.Take<Element>(static_cast<size_t>(capacity) * kPanel * kWidth);
  Element* block_end = block + static_cast<size_t>(capacity) * block_width;

  const int left_stride = RoundUp(2 * units, kPair);
  Element* left = memory.Take<Element>(width * left_stride);
  float* carried = memory.Take<float>(width * wide);
  std::fill_n(carried, width * wide, 0.0f);
  float* before = memory.Take<float>(width * wide);
  const int whole = units / kWidth * kWidth;  // in whole vectors
  float* zeros = memory.Take<float>(wide);
  std::fill_n(zeros, wide, 0.0f);
  const Part<Numbers> none{left, 0, 0};

  int filled = 0;
  for (int t = chunk.steps() - 1; t >= 0; --t) {
    const int running = chunk.running(t), rows = RoundUp(running, kRows);
    const float* from = saved + chunk.offsets[t] * stride;
    float* to = gates + chunk.offsets[t] * stride;
    filled += rows;
    Element* block_rows = block_end - static_cast<size_t>(filled) * block_width;
    for (int i = 0; i < rows; ++i) {
      const float* row = from + i * stride;
      float* d_row = to + i * stride;
      Element* block_row = block_rows + static_cast<size_t>(i) * block_width;
      Element* reset_state = block_row + sums.state_rows + sums.input_rows;
      const float *d = zeros, *ended = zeros, *h = zeros;
      if (i < running) {
        const int length = chunk.lengths[i], index = chunk.rows[i];
        d = d_states + inputs.Place(index, length, t) * units;
        if (t == length - 1) ended = d_last + static_cast<long>(index) * units;
        if (t > 0) {
          h = states + inputs.Place(index, length, t - 1) * units;
          Prefetch(d_states + inputs.Place(index, length, t - 1) * units, units);
          inputs.Prefetch(index, length, t - 1);
        }
        if (t > 1) Prefetch(states + inputs.Place(index, length, t - 2) * units, units);
        inputs.Copy<Numbers>(index, length, t, block_row + sums.state_rows);
      } else {
        std::fill_n(block_row + sums.state_rows, dim, Element(0));
      }
      float *through_row = carried + i * wide, *before_row = before + i * wide;
      auto at = [&](int n, int count) {
        const Vec z = Load(row + update + n), c = Load(row + n), r = Load(row + reset + n);
        const Vec h_n = LoadFirst(h + n, count);
        const Vec all =
            LoadFirst(d + n, count) + LoadFirst(ended + n, count) + Load(through_row + n);
        const Vec through = all * z, rest = all - through;
        const Vec d_c = rest * (1.0f - c * c), d_z = rest * z * (h_n - c);
        Store(through_row + n, through);
        Store(before_row + n, h_n);
        StoreFirst(block_row + n, Numbers::Make(h_n), count);
        StoreFirst(reset_state + n, Numbers::Make(r * h_n), count);
        if (after) {
          const Vec d_r = d_c * Load(row + inner + n) * r * (1.0f - r);
          Store(d_row + inner + n, d_c * r);
          Store(d_row + reset + n, d_r);
        }
        Store(d_row + n, d_c);
        // What follows the update gate is still to be read.
        StoreFirst(d_row + update + n, d_z, count);
      };
      for (int n = 0; n < whole; n += kWidth) at(n, kWidth);
      if (whole < units) at(whole, units - whole);
    }
    const int scaled = after ? inner : 0;
    const Part<Numbers> scaled_part =
        Left<Numbers>(to + scaled, stride, rows, units, left, left_stride);
    Multiply<Numbers>(rows, scaled_part, none, candidate_right, units, nullptr,
                      [&](int i, int n, Vec sum) {
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
    const Part<Numbers> gates_part =
        Left<Numbers>(to + update, stride, rows, 2 * units, left, left_stride);
    Multiply<Numbers>(rows, gates_part, none, gates_right, units, nullptr,
                      [&](int i, int n, Vec sum) {
                        float* d_h = carried + i * wide + n;
                        Store(d_h, Load(d_h) + sum);
                      });

    // A step before this one has as many rows or more.
    if (t > 0 && filled + RoundUp(chunk.running(t - 1), kRows) <= capacity) continue;
    const Element* paired = PairRows<Numbers>(block_rows, filled, block_width, pairs);
    auto add = [&](int first, int columns, int gate, int gate_columns, float* total, int total_stride,
                   float* bias) {
      AddOuter<Numbers>(filled, paired + static_cast<size_t>(first) * kPair, block_width,
                        columns, to + gate, stride, gate_columns, total, total_stride, bias, panel);
    };
    add(0, sums.state_rows + sums.input_rows, update, 2 * units, sums.gates,
        sums.gates_stride, sums.gates_bias);
    add(sums.state_rows, sums.input_rows + (after ? 0 : sums.state_rows), 0, units,
        sums.candidate, sums.candidate_stride, sums.candidate_bias);
    if (after) {
      add(0, sums.state_rows, inner, units, sums.inner, sums.candidate_stride,
          sums.inner_bias);
    }
    filled = 0;
  }
}

// Computes the gradient of a chunk's inputs, (batch, time, dim), written at valid steps only.
template <class Numbers>
void InputGradient(const Chunk& chunk, const Inputs& inputs, const float* kernel,
                   const float* gates, float* d_full, uint16_t* d_half, Memory& memory) {
  using Element = typename Numbers::Element;
  const Sizes sizes = inputs.sizes;  // a copy: what is stored cannot change it
  const int units = sizes.units, dim = sizes.dim, columns = sizes.columns();
  const int width = chunk.width(), dim_stride = RoundUp(dim, kWidth);
  const int candidate_width = RoundUp(units, Numbers::kPair);
  const int left_stride = candidate_width + RoundUp(2 * units, Numbers::kPair);

  const Source candidate{kernel + 2 * units, 1, columns, units};
  const Source update_reset{kernel, 1, columns, 2 * units};
  Element* right = memory.Take<Element>(LaidOutSize<Numbers>({units, 2 * units}, dim));
  LayOut<Numbers>({candidate, update_reset}, dim, right);
  Element* left = memory.Take<Element>(width * left_stride);
  float* made = memory.Take<float>(width * dim_stride);

  for (int t = 0; t < chunk.steps(); ++t) {
    const int running = chunk.running(t), rows = RoundUp(running, kRows);
    const float* from = gates + chunk.offsets[t] * sizes.saved();
    const Part<Numbers> candidate_part = Left<Numbers>(from, sizes.saved(),
                                                       rows, units, left, left_stride);
    const Part<Numbers> gates_part = Left<Numbers>(from + sizes.update(), sizes.saved(), rows,
                                                   2 * units, left + candidate_width, left_stride);
    Multiply<Numbers>(rows, candidate_part, gates_part, right,
                      dim, nullptr,
                      [&](int i, int n, Vec sum) { Store(made + i * dim_stride + n, sum); });
    for (int i = 0; i < running; ++i) {
      const int length = chunk.lengths[i];
      const long place = inputs.Place(chunk.rows[i], length, t) * dim;
      float factors[Dropout::kGroup];
      for (int first = 0; first < dim; first += Dropout::kGroup) {
        const int count = std::min(dim - first, Dropout::kGroup);
        std::fill_n(factors, count, 1.0f);
        if (inputs.dropout.drops()) {
          inputs.dropout.Factors(chunk.rows[i], inputs.Position(length, t),
                                 first / Dropout::kGroup, factors);
        }
        const float* row = made + i * dim_stride + first;
        for (int n = 0; n < count; ++n) {
          const float value = row[n] * factors[n];
          if (d_full) {
            d_full[place + first + n] = value;
          } else {
            d_half[place + first + n] = ToBfloat16(value);
          }
        }
      }
    }
  }
}

}  // namespace amh

#endif  // AMH_TF_GRU_BACKWARD_H_
