// The gradients of a recurrence.
#ifndef AMH_TF_BACKWARD_H_
#define AMH_TF_BACKWARD_H_

#include <algorithm>

#include "gru.h"
#include "lstm.h"

namespace amh {

// Computes the gradients of a chunk's gates and, added up, of the weights, some steps at a time.
template <class Numbers>
class Backward {
 public:
  // saved: what Forward saved; gates: room for their gradients, laid out alike; may be the same.
  // d_states: (batch, time, state_width); d_last: (batch, state_width), and `states`, from the
  // direction's first unit on.
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
        block_width_(sums.block_width),
        left_stride_(RoundUp(inputs.sizes.gates() * inputs.sizes.units, Numbers::kDepth)),
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
    beside_ = memory.Take<float>(width * wide);
    std::fill_n(beside_, width * wide, 0.0f);
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
    float *gates = gates_, *carried = carried_, *beside = beside_;
    const int units = sizes.units, dim = sizes.dim, wide = sizes.wide();
    const long stride = sizes.saved(), state_width = sizes.state_width();
    const int capacity = capacity_, block_width = block_width_;
    Element* const block_end = block_ + static_cast<size_t>(capacity) * block_width;

    int filled = filled_;
    for (int t = end - 1; t >= first; --t) {
      const int running = chunk.running(t), rows = RoundUp(running, kRows);
      const float* from = saved + chunk.offsets[t] * stride;
      const float* before = t > 0 ? saved + chunk.offsets[t - 1] * stride : nullptr;
      float* to = gates + chunk.offsets[t] * stride;
      filled += rows;
      Element* block_rows = block_end - static_cast<size_t>(filled) * block_width;
      for (int i = 0; i < rows; ++i) {
        Element* block_row = block_rows + static_cast<size_t>(i) * block_width;
        const float *d = zeros, *ended = zeros, *h = zeros;
        if (i < running) {
          const int length = chunk.lengths[i], index = chunk.rows[i];
          d = d_states + inputs.Place(index, length, t) * state_width;
          if (t == length - 1) ended = d_last + index * state_width;
          if (t > 0) {
            h = states + inputs.Place(index, length, t - 1) * state_width;
            Prefetch(d_states + inputs.Place(index, length, t - 1) * state_width, units);
            inputs.Prefetch(index, length, t - 1);
          }
          if (t > 1) Prefetch(states + inputs.Place(index, length, t - 2) * state_width, units);
          inputs.Copy<Numbers>(index, length, t, block_row + sums.state_rows);
        } else {
          std::fill_n(block_row + sums.state_rows, dim, Element(0));
        }
        const BackwardRow<Numbers> row{from + i * stride,
                                       t > 0 ? before + i * stride : nullptr,
                                       to + i * stride,
                                       d,
                                       ended,
                                       h,
                                       block_row,
                                       carried + i * wide,
                                       beside + i * wide};
        if (sizes.is_lstm()) {
          LstmRowBack(sizes, row);
        } else {
          GruRowBack(sizes, sums, row);
        }
      }
      const BackwardStep<Numbers> step{rows, from, to, left_, left_stride_, carried, beside};
      if (sizes.is_lstm()) {
        LstmBack(sizes, weights_, step);
      } else {
        GruBack(sizes, weights_, step);
      }

      // A step before this one has as many rows or more.
      if (t > 0 && filled + RoundUp(chunk.running(t - 1), kRows) <= capacity) continue;
      outer_left_.Set(block_rows, filled);
      const OuterSums<Numbers> outer{outer_left_, to, stride, panel_};
      if (sizes.is_lstm()) {
        LstmSums(sizes, outer, sums);
      } else {
        GruSums(sizes, outer, sums);
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
  // The rows that weight gradients are products with, for as many steps as fit, the latest step's
  // rows last.
  const int capacity_, block_width_;
  Element *block_, *panel_;
  int filled_ = 0;  // rows of the block
  const int left_stride_;
  OuterLeft<Numbers> outer_left_;
  Element* left_;
  float *carried_, *beside_, *zeros_;
};

}  // namespace amh

#endif  // AMH_TF_BACKWARD_H_
