// The gradient of a recurrence's inputs.
#ifndef AMH_TF_INPUT_GRADIENT_H_
#define AMH_TF_INPUT_GRADIENT_H_

#include <algorithm>
#include <utility>
#include <vector>

#include "memory.h"
#include "products.h"
#include "rows.h"

namespace amh {

// A kernel, transposed, as the product reads it: of a GRU's candidate above that of the gates.
template <class Numbers>
struct InputWeights {
  const typename Numbers::Element* right;

  InputWeights(const float* kernel, const Sizes& sizes, Memory& memory) {
    const int units = sizes.units, columns = sizes.columns(), gates = sizes.gates() * units;
    std::vector<Source> sources = {{kernel, 1, columns, gates}};
    if (!sizes.is_lstm()) sources.insert(sources.begin(), {kernel + gates, 1, columns, units});
    std::vector<int> rows;
    for (const Source& source : sources) rows.push_back(source.rows);
    auto* to = memory.Take<typename Numbers::Element>(LaidOutSize<Numbers>(rows, sizes.dim));
    LayOut<Numbers>(sources, sizes.dim, to);
    right = to;
  }
};

// What the gradient of the inputs takes from one direction: `gates` is what Backward wrote.
template <class Numbers>
struct InputDirection {
  const Inputs* inputs;
  const InputWeights<Numbers>* weights;
  const float* gates;
};

// Computes the gradient of a chunk's inputs, some steps at a time: those of one direction, then
// those of the other.
template <class Numbers>
class InputGradient {
 public:
  // d_full or d_half, the other one null: (batch, time, dim), written at valid steps only.
  InputGradient(const Chunk& chunk, std::vector<InputDirection<Numbers>> directions, float* d_full,
                uint16_t* d_half, Memory& memory)
      : chunk_(chunk),
        directions_(std::move(directions)),
        d_full_(d_full),
        d_half_(d_half),
        dim_stride_(RoundUp(sizes().dim, kWidth)),
        candidate_width_(sizes().is_lstm() ? 0 : RoundUp(sizes().units, Numbers::kDepth)),
        left_stride_(candidate_width_ + RoundUp(sizes().gates() * sizes().units, Numbers::kDepth)),
        left_(memory.Take<Element>(LeftRows<Numbers>(chunk.width()) * left_stride_)),
        made_(memory.Take<float>(chunk.width() * dim_stride_)) {}

  void Run(int first, int end) const {
    const typename Numbers::Session session;
    const Sizes sizes = this->sizes();  // copies: what is stored cannot change them
    const int units = sizes.units, dim = sizes.dim, dim_stride = dim_stride_;
    float* made = made_;
    for (int step = first; step < end; ++step) {
      const int number = step / chunk_.steps(), t = step % chunk_.steps();
      const InputDirection<Numbers>& direction = directions_[number];
      const int running = chunk_.running(t), rows = RoundUp(running, kRows);
      const float* from = direction.gates + chunk_.offsets[t] * sizes.saved();
      Part<Numbers> candidate{left_, 0, 0};
      if (!sizes.is_lstm()) {
        candidate = Left<Numbers>(from, sizes.saved(), rows, units, left_, left_stride_);
      }
      const Part<Numbers> gates =
          Left<Numbers>(from + sizes.first_gate(), sizes.saved(), rows, sizes.gates() * units,
                        left_ + candidate_width_, left_stride_);
      Multiply<Numbers>(rows, candidate, gates, direction.weights->right, dim, nullptr,
                        [=](int i, int n, Vec sum) { Store(made + i * dim_stride + n, sum); });
      for (int i = 0; i < running; ++i) {
        WriteRow(*direction.inputs, number > 0, i, t, made + i * dim_stride);
      }
    }
  }

 private:
  using Element = typename Numbers::Element;

  const Sizes& sizes() const { return directions_.front().inputs->sizes; }

  // adds: whether to what another direction wrote.
  void WriteRow(const Inputs& inputs, bool adds, int i, int t, const float* made) const {
    const int dim = inputs.sizes.dim, length = chunk_.lengths[i];
    const long place = inputs.Place(chunk_.rows[i], length, t) * dim;
    float factors[Dropout::kGroup];
    for (int first = 0; first < dim; first += Dropout::kGroup) {
      const int count = std::min(dim - first, Dropout::kGroup);
      std::fill_n(factors, count, 1.0f);
      if (inputs.dropout.drops()) {
        inputs.dropout.Factors(chunk_.rows[i], inputs.Position(length, t),
                                first / Dropout::kGroup, factors);
      }
      for (int n = 0; n < count; ++n) {
        const float value = made[first + n] * factors[n];
        if (d_full_) {
          float* to = d_full_ + place + first + n;
          *to = adds ? *to + value : value;
        } else {
          uint16_t* to = d_half_ + place + first + n;
          *to = ToBfloat16(adds ? FromBfloat16(*to) + value : value);
        }
      }
    }
  }

  const Chunk& chunk_;
  const std::vector<InputDirection<Numbers>> directions_;
  float* d_full_;
  uint16_t* d_half_;
  const int dim_stride_, candidate_width_, left_stride_;
  Element* left_;
  float* made_;
};

}  // namespace amh

#endif  // AMH_TF_INPUT_GRADIENT_H_
