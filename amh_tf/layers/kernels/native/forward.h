// A recurrence, forward.
#ifndef AMH_TF_FORWARD_H_
#define AMH_TF_FORWARD_H_

#include <algorithm>
#include <type_traits>

#include "gru.h"
#include "lstm.h"

namespace amh {

// Computes the states of a chunk's rows, some steps at a time.
template <class Numbers>
class Forward {
 public:
  // states: (batch, time, state_width), written at valid steps only; last: (batch, state_width),
  // likewise; both from the direction's first unit on. saved: room for chunk.saved() floats, or
  // null.
  Forward(const Chunk& chunk, const Inputs& inputs, const ForwardWeights<Numbers>& weights,
          float* states, float* last, float* saved, Memory& memory)
      : chunk_(chunk),
        inputs_(inputs),
        weights_(weights),
        states_(states),
        last_(last),
        saved_(saved),
        streams_(saved && chunk.saved(inputs.sizes) > kCached &&
                 reinterpret_cast<uintptr_t>(saved) % sizeof(Vec) == 0),
        dim_stride_(RoundUp(inputs.sizes.dim, Numbers::kDepth)),
        unit_stride_(RoundUp(inputs.sizes.wide(), Numbers::kDepth)) {
    const Sizes& sizes = inputs.sizes;
    const int width = chunk.width();
    auto zeros = [&](auto*& to, size_t count) {
      using Value = std::remove_reference_t<decltype(*to)>;
      to = memory.Take<Value>(count);
      std::fill_n(to, count, Value(0));
    };
    zeros(x_, LeftRows<Numbers>(width) * dim_stride_);
    zeros(h_, width * sizes.wide());
    zeros(c_, sizes.is_lstm() ? width * sizes.wide() : 0);
    zeros(left_, LeftRows<Numbers>(width) * unit_stride_);
    to_ = memory.Take<float*>(width);
    nowhere_ = memory.Take<float>(sizes.wide());
    scratch_ = saved && !streams_ ? nullptr : memory.Take<float>(width * sizes.saved());
  }

  // Computes steps from `first` to `end`, after all that come before them.
  void Run(int first, int end) const {
    const typename Numbers::Session session;
    const Sizes sizes = inputs_.sizes;  // copies: what is stored cannot change them
    const int units = sizes.units, wide = sizes.wide(), dim_stride = dim_stride_;
    const long stride = sizes.saved();
    Element* x = x_;
    float *h = h_, **to = to_;
    const Part<Numbers> x_part{x, dim_stride, dim_stride};

    for (int t = first; t < end; ++t) {
      const int running = chunk_.running(t), rows = RoundUp(running, kRows);
      float* saved = saved_ ? saved_ + chunk_.offsets[t] * stride : nullptr;
      float* gates = scratch_ ? scratch_ : saved;
      for (int i = 0; i < rows; ++i) {
        if (i < running) {
          const int row = chunk_.rows[i], length = chunk_.lengths[i];
          to[i] = states_ + inputs_.Place(row, length, t) * sizes.state_width();
          inputs_.Copy<Numbers>(row, length, t, x + i * dim_stride);
          if (t + 1 < length) inputs_.Prefetch(row, length, t + 1);
        } else {
          to[i] = nowhere_;
          std::fill_n(x + i * dim_stride, dim_stride, Element(0));
        }
      }
      const ForwardStep<Numbers> step{rows,         x_part, h,  c_, left_, unit_stride_, gates,
                                      streams_ ? saved : nullptr, to};
      if (sizes.is_lstm()) {
        LstmForward(sizes, weights_, step);
      } else {
        GruForward(sizes, weights_, step);
      }
      for (int i = 0; i < running; ++i) {
        if (t < chunk_.lengths[i] - 1) continue;
        const long row = chunk_.rows[i];
        std::copy_n(h + i * wide, units, last_ + row * sizes.state_width());
      }
    }
    if (streams_) Settled();
  }

 private:
  using Element = typename Numbers::Element;
  // Floats up to which what a chunk saves may still be cached when the way back reads it.
  static constexpr long kCached = 1 << 20;
  const Chunk& chunk_;
  const Inputs& inputs_;
  const ForwardWeights<Numbers>& weights_;
  float *states_, *last_, *saved_;
  const bool streams_;  // whether what is saved goes past the caches
  const int dim_stride_, unit_stride_;
  Element* x_;
  float *h_, *c_;   // states: of the unit, and of an LSTM's cell
  Element* left_;   // the state as products read it
  float** to_;      // where each row's state goes
  float* nowhere_;  // that of rows that fill up
  float* scratch_;  // a step's gates, where they are not saved or not for the step itself
};

}  // namespace amh

#endif  // AMH_TF_FORWARD_H_
