// A GRU, forward.
#ifndef AMH_TF_GRU_FORWARD_H_
#define AMH_TF_GRU_FORWARD_H_

#include <algorithm>
#include <type_traits>
#include <vector>

#include "gru_rows.h"
#include "memory.h"
#include "products.h"

namespace amh {

// Weights as the products read them, biases filled up to whole vectors.
template <class Numbers>
struct ForwardWeights {
  using Element = typename Numbers::Element;
  const Element *gates, *candidate, *inner;
  const float *gates_bias, *candidate_bias, *inner_bias;

  ForwardWeights(const Weights& weights, const Sizes& sizes, Memory& memory) {
    const int units = sizes.units, dim = sizes.dim;
    const Source input{weights.kernel, sizes.columns(), 1, dim};
    const Source state{weights.recurrent, sizes.columns(), 1, units};
    auto laid_out = [&](std::vector<Source> sources, int moved, int columns) {
      std::vector<int> rows;
      for (Source& source : sources) {
        source.from += moved;
        rows.push_back(source.rows);
      }
      Element* to = memory.Take<Element>(LaidOutSize<Numbers>(rows, columns));
      LayOut<Numbers>(sources, columns, to);
      return to;
    };
    auto padded = [&](const float* from, int count) {
      float* to = memory.Take<float>(RoundUp(count, kWidth));
      std::copy_n(from, count, to);
      Pad(to, count, RoundUp(count, kWidth));
      return to;
    };
    gates = laid_out({input, state}, 0, 2 * units);
    if (sizes.reset_after) {
      candidate = laid_out({input}, 2 * units, units);
      inner = laid_out({state}, 2 * units, units);
    } else {
      candidate = laid_out({input, state}, 2 * units, units);
      inner = nullptr;
    }
    gates_bias = padded(weights.bias, 2 * units);
    candidate_bias = padded(weights.bias + 2 * units, units);
    inner_bias = padded(weights.inner_bias, units);
  }
};

// Computes the states of a chunk's rows, some steps at a time.
template <class Numbers>
class Forward {
 public:
  // states: (batch, time, units), written at valid steps only; last: (batch, units), likewise;
  // saved: room for chunk.saved() floats, or null.
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
    zeros(left_, LeftRows<Numbers>(width) * unit_stride_);
    to_ = memory.Take<float*>(width);
    nowhere_ = memory.Take<float>(sizes.wide());
    scratch_ = saved && !streams_ ? nullptr : memory.Take<float>(width * sizes.saved());
  }

  // Computes steps from `first` to `end`, after all that come before them.
  void Run(int first, int end) const {
    const typename Numbers::Session session;
    const Sizes sizes = inputs_.sizes;  // copies: what is stored cannot change them
    const int units = sizes.units, wide = sizes.wide();
    const int dim_stride = dim_stride_, unit_stride = unit_stride_;
    const int unit_part = RoundUp(units, Numbers::kDepth);
    const bool after = sizes.reset_after, streams = streams_;
    const long stride = sizes.saved();
    const int update = sizes.update(), reset = sizes.reset(), inner = sizes.inner();
    Element *x = x_, *left = left_;
    float *h = h_, **to = to_;
    const Part<Numbers> x_part{x, dim_stride, dim_stride}, none{x, 0, 0};
    const Part<Numbers> reset_part{left, unit_stride, unit_part};

    for (int t = first; t < end; ++t) {
      const int running = chunk_.running(t), rows = RoundUp(running, kRows);
      float* saved = saved_ ? saved_ + chunk_.offsets[t] * stride : nullptr;
      float* gates = scratch_ ? scratch_ : saved;
      for (int i = 0; i < rows; ++i) {
        if (i < running) {
          const int row = chunk_.rows[i], length = chunk_.lengths[i];
          to[i] = states_ + inputs_.Place(row, length, t) * units;
          inputs_.Copy<Numbers>(row, length, t, x + i * dim_stride);
          if (t + 1 < length) inputs_.Prefetch(row, length, t + 1);
        } else {
          to[i] = nowhere_;
          std::fill_n(x + i * dim_stride, dim_stride, Element(0));
        }
      }
      const Part<Numbers> h_part = Left<Numbers>(h, wide, rows, units, left, unit_stride);
      Multiply<Numbers>(rows, x_part, h_part, weights_.gates, 2 * units, weights_.gates_bias,
                        [=](int i, int n, Vec sum) {
                          const long place = i * stride + update + n;
                          const Vec gate = Sigmoid(sum);
                          Store(gates + place, gate);
                          if (streams) Stream(saved + place, gate);
                        });
      if (after) {
        Multiply<Numbers>(
            rows, h_part, none, weights_.inner, units, weights_.inner_bias,
            [=](int i, int n, Vec sum) {
              const long place = i * stride + inner + n;
              Store(gates + place, sum);
              if (streams) Stream(saved + place, sum);
            });
      } else {
        for (int i = 0; i < rows; ++i) {
          const float* r = gates + i * stride + reset;
          Element* scaled_row = left + i * unit_stride;
          for (int n = 0; n < units; n += kWidth) {
            const Vec scaled = Load(r + n) * Load(h + i * wide + n);
            StoreFirst(scaled_row + n, Numbers::Make(scaled), units - n);
          }
        }
      }
      Multiply<Numbers>(rows, x_part, after ? none : reset_part, weights_.candidate, units,
                        weights_.candidate_bias, [=](int i, int n, Vec sum) {
                          float* row = gates + i * stride + n;
                          if (after) sum += Load(row + reset) * Load(row + inner);
                          const Vec c = Tanh(sum), z = Load(row + update);
                          streams ? Stream(saved + i * stride + n, c) : Store(row, c);
                          const Vec state = c + z * (Load(h + i * wide + n) - c);
                          Store(h + i * wide + n, state);
                          StoreFirst(to[i] + n, state, units - n);
                        });
      for (int i = 0; i < running; ++i) {
        if (t < chunk_.lengths[i] - 1) continue;
        std::copy_n(h + i * wide, units, last_ + static_cast<long>(chunk_.rows[i]) * units);
      }
    }
    if (streams) Settled();
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
  float* h_;
  // The state as products read it, then with the reset gate; zeros in what is left over.
  Element* left_;
  float** to_;      // where each row's state goes
  float* nowhere_;  // that of rows that fill up
  float* scratch_;  // a step's gates, where they are not saved or not for the step itself
};

}  // namespace amh

#endif  // AMH_TF_GRU_FORWARD_H_
