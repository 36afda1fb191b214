// The gradients of a GRU.
#ifndef AMH_TF_GRU_BACKWARD_H_
#define AMH_TF_GRU_BACKWARD_H_

#include <algorithm>

#include "gru_rows.h"
#include "memory.h"
#include "outer_products.h"
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

  // more_rows: those that AddOuter needs room for.
  WeightGradients(const Sizes& sizes, int more_rows, Memory& memory)
      : gates_stride(Vectors(2 * sizes.units) * kWidth),
        candidate_stride(sizes.wide()),
        state_rows(RoundUp(sizes.units, kRows)),
        input_rows(RoundUp(sizes.dim, kRows)) {
    auto zeros = [&](size_t count) {
      float* made = memory.Take<float>(count);
      std::fill_n(made, count, 0.0f);
      return made;
    };
    const size_t rows = state_rows + input_rows + more_rows;
    gates = zeros(rows * gates_stride);
    candidate = zeros(rows * candidate_stride);
    inner = zeros(sizes.reset_after ? (state_rows + more_rows) * candidate_stride : 0);
    gates_bias = zeros(gates_stride);
    candidate_bias = zeros(candidate_stride);
    inner_bias = zeros(candidate_stride);
  }
};

// Recurrent weights, transposed, as the products read them.
template <class Numbers>
struct BackwardWeights {
  using Element = typename Numbers::Element;
  const Element *gates, *candidate;

  BackwardWeights(const float* recurrent, const Sizes& sizes, Memory& memory) {
    const int units = sizes.units;
    auto laid_out = [&](const float* from, int rows) {
      Element* to = memory.Take<Element>(LaidOutSize<Numbers>({rows}, units));
      LayOut<Numbers>({{from, 1, sizes.columns(), rows}}, units, to);
      return to;
    };
    gates = laid_out(recurrent, 2 * units);
    candidate = laid_out(recurrent + 2 * units, units);
  }
};

// Computes the gradients of a chunk's gates and, added up, of the weights, some steps at a time.
template <class Numbers>
class Backward {
 public:
  // saved: what Forward saved; gates: room for their gradients, laid out alike; may be the same.
  // d_states: (batch, time, units); d_last: (batch, units).
  Backward(const Chunk& chunk, const Inputs& inputs, const BackwardWeights<Numbers>& weights,
           const float* states, const float* saved, const float* d_states, const float* d_last,
           float* gates, WeightGradients& sums, Memory& memory)
      : chunk_(chunk),
        inputs_(inputs),
        weights_(weights),
        states_(states),
        saved_(saved),
        d_states_(d_states),
        d_last_(d_last),
        gates_(gates),
        sums_(sums),
        capacity_(std::max(chunk.width(), 128)),
        block_width_(sums.state_rows * 2 + sums.input_rows),
        left_stride_(RoundUp(2 * inputs.sizes.units, Numbers::kDepth)),
        outer_left_(capacity_, block_width_, memory) {
    const int wide = inputs.sizes.wide(), width = chunk.width();
    const size_t block_size = static_cast<size_t>(capacity_) * block_width_ + kWidth;
    block_ = memory.Take<Element>(block_size);
    std::fill_n(block_, block_size, Element(0));
    const size_t panel_rows = RoundUp(capacity_, Numbers::kDepth);
    panel_ = memory.Take<Element>(panel_rows * kPanel * kWidth);
    left_ = memory.Take<Element>(LeftRows<Numbers>(width) * left_stride_);
    carried_ = memory.Take<float>(width * wide);
    std::fill_n(carried_, width * wide, 0.0f);
    before_ = memory.Take<float>(width * wide);
    zeros_ = memory.Take<float>(wide);
    std::fill_n(zeros_, wide, 0.0f);
  }

  // Computes steps from `first` to `end`, the last one first, after all that follow them.
  void Run(int first, int end) {
    const typename Numbers::Session session;
    const Sizes sizes = inputs_.sizes;  // copies: what is stored cannot change them
    const Chunk& chunk = chunk_;
    const Inputs& inputs = inputs_;
    const WeightGradients& sums = sums_;
    const float *states = states_, *saved = saved_, *d_states = d_states_, *d_last = d_last_;
    const float* zeros = zeros_;
    float *gates = gates_, *carried = carried_, *before = before_;
    Element* left = left_;
    const int units = sizes.units, dim = sizes.dim, wide = sizes.wide();
    const long stride = sizes.saved();
    const int update = sizes.update(), reset = sizes.reset(), inner = sizes.inner();
    const bool after = sizes.reset_after;
    const int whole = units / kWidth * kWidth;  // in whole vectors
    const int capacity = capacity_, block_width = block_width_, left_stride = left_stride_;
    Element* const block_end = block_ + static_cast<size_t>(capacity) * block_width;
    const Part<Numbers> none{left, 0, 0};

    int filled = filled_;
    for (int t = end - 1; t >= first; --t) {
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
      Multiply<Numbers>(rows, scaled_part, none, weights_.candidate, units, nullptr,
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
      const Part<Numbers> gates_part =
          Left<Numbers>(to + update, stride, rows, 2 * units, left, left_stride);
      Multiply<Numbers>(rows, gates_part, none, weights_.gates, units, nullptr,
                        [=](int i, int n, Vec sum) {
                          float* d_h = carried + i * wide + n;
                          Store(d_h, Load(d_h) + sum);
                        });

      // A step before this one has as many rows or more.
      if (t > 0 && filled + RoundUp(chunk.running(t - 1), kRows) <= capacity) continue;
      outer_left_.Set(block_rows, filled);
      auto add = [&](int column, int columns, int gate, int gate_columns, float* total,
                     int total_stride, float* bias) {
        AddOuter<Numbers>(outer_left_, column, columns, to + gate, stride, gate_columns, total,
                          total_stride, bias, panel_);
      };
      add(0, sums.state_rows + sums.input_rows, update, 2 * units, sums.gates, sums.gates_stride,
          sums.gates_bias);
      add(sums.state_rows, sums.input_rows + (after ? 0 : sums.state_rows), 0, units,
          sums.candidate, sums.candidate_stride, sums.candidate_bias);
      if (after) {
        add(0, sums.state_rows, inner, units, sums.inner, sums.candidate_stride, sums.inner_bias);
      }
      filled = 0;
    }
    filled_ = filled;
  }

 private:
  using Element = typename Numbers::Element;
  const Chunk& chunk_;
  const Inputs& inputs_;
  const BackwardWeights<Numbers>& weights_;
  const float *states_, *saved_, *d_states_, *d_last_;
  float* gates_;
  WeightGradients& sums_;
  // The rows that weight gradients are products with, for as many steps as fit: state, inputs
  // and reset state side by side, the latest step's rows last.
  const int capacity_, block_width_;
  Element *block_, *panel_;
  int filled_ = 0;  // rows of the block
  const int left_stride_;
  OuterLeft<Numbers> outer_left_;
  Element* left_;
  float *carried_, *before_, *zeros_;
};

}  // namespace amh

#endif  // AMH_TF_GRU_BACKWARD_H_
