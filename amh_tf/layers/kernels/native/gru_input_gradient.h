// The gradient of a GRU's inputs.
#ifndef AMH_TF_GRU_INPUT_GRADIENT_H_
#define AMH_TF_GRU_INPUT_GRADIENT_H_

#include <algorithm>

#include "gru_rows.h"
#include "memory.h"
#include "products.h"

namespace amh {

// The kernel, transposed, as the product reads it: of the candidate above that of the gates.
template <class Numbers>
struct InputWeights {
  const typename Numbers::Element* right;

  InputWeights(const float* kernel, const Sizes& sizes, Memory& memory) {
    const int units = sizes.units, columns = sizes.columns();
    auto* to = memory.Take<typename Numbers::Element>(
        LaidOutSize<Numbers>({units, 2 * units}, sizes.dim));
    LayOut<Numbers>({{kernel + 2 * units, 1, columns, units}, {kernel, 1, columns, 2 * units}},
                    sizes.dim, to);
    right = to;
  }
};

// Computes the gradient of a chunk's inputs, some steps at a time.
template <class Numbers>
class InputGradient {
 public:
  // gates: what Backward wrote; d_full or d_half, the other one null: (batch, time, dim), written
  // at valid steps only.
  InputGradient(const Chunk& chunk, const Inputs& inputs, const InputWeights<Numbers>& weights,
                const float* gates, float* d_full, uint16_t* d_half, Memory& memory)
      : chunk_(chunk),
        inputs_(inputs),
        weights_(weights),
        gates_(gates),
        d_full_(d_full),
        d_half_(d_half),
        dim_stride_(RoundUp(inputs.sizes.dim, kWidth)),
        candidate_width_(RoundUp(inputs.sizes.units, Numbers::kDepth)),
        left_stride_(candidate_width_ + RoundUp(2 * inputs.sizes.units, Numbers::kDepth)),
        left_(memory.Take<Element>(LeftRows<Numbers>(chunk.width()) * left_stride_)),
        made_(memory.Take<float>(chunk.width() * dim_stride_)) {}

  void Run(int first, int end) const {
    const typename Numbers::Session session;
    const Sizes sizes = inputs_.sizes;  // copies: what is stored cannot change them
    const int units = sizes.units, dim = sizes.dim, dim_stride = dim_stride_;
    float* made = made_;
    for (int t = first; t < end; ++t) {
      const int running = chunk_.running(t), rows = RoundUp(running, kRows);
      const float* from = gates_ + chunk_.offsets[t] * sizes.saved();
      const Part<Numbers> candidate =
          Left<Numbers>(from, sizes.saved(), rows, units, left_, left_stride_);
      const Part<Numbers> gates = Left<Numbers>(from + sizes.update(), sizes.saved(), rows,
                                                2 * units, left_ + candidate_width_, left_stride_);
      Multiply<Numbers>(rows, candidate, gates, weights_.right, dim, nullptr,
                        [=](int i, int n, Vec sum) { Store(made + i * dim_stride + n, sum); });
      for (int i = 0; i < running; ++i) WriteRow(i, t, made + i * dim_stride);
    }
  }

 private:
  using Element = typename Numbers::Element;

  void WriteRow(int i, int t, const float* made) const {
    const int dim = inputs_.sizes.dim, length = chunk_.lengths[i];
    const long place = inputs_.Place(chunk_.rows[i], length, t) * dim;
    float factors[Dropout::kGroup];
    for (int first = 0; first < dim; first += Dropout::kGroup) {
      const int count = std::min(dim - first, Dropout::kGroup);
      std::fill_n(factors, count, 1.0f);
      if (inputs_.dropout.drops()) {
        inputs_.dropout.Factors(chunk_.rows[i], inputs_.Position(length, t),
                                first / Dropout::kGroup, factors);
      }
      for (int n = 0; n < count; ++n) {
        const float value = made[first + n] * factors[n];
        if (d_full_) {
          d_full_[place + first + n] = value;
        } else {
          d_half_[place + first + n] = ToBfloat16(value);
        }
      }
    }
  }

  const Chunk& chunk_;
  const Inputs& inputs_;
  const InputWeights<Numbers>& weights_;
  const float* gates_;
  float* d_full_;
  uint16_t* d_half_;
  const int dim_stride_, candidate_width_, left_stride_;
  Element* left_;
  float* made_;
};

}  // namespace amh

#endif  // AMH_TF_GRU_INPUT_GRADIENT_H_
