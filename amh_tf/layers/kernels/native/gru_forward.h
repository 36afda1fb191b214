// A GRU on one core, forward.
#ifndef AMH_TF_GRU_FORWARD_H_
#define AMH_TF_GRU_FORWARD_H_

#include <algorithm>

#include "gru_rows.h"
#include "memory.h"
#include "products.h"

namespace amh {

// Computes the states of a chunk's rows.
//
// states: (batch, time, units), written at valid steps only; last: (batch, units), likewise;
// saved: room for chunk.saved() floats, or null.
template <class Numbers>
void Forward(const Chunk& chunk, const Inputs& inputs, const Weights& weights, float* states,
             float* last, float* saved, Memory& memory) {
  using Element = typename Numbers::Element;
  const Sizes sizes = inputs.sizes;  // a copy: what is stored cannot change it
  const int units = sizes.units, dim = sizes.dim, wide = sizes.wide();
  const int dim_stride = RoundUp(dim, Numbers::kPair), unit_stride = RoundUp(wide, Numbers::kPair);
  const int unit_part = RoundUp(units, Numbers::kPair);
  const int width = chunk.width();
  const bool after = sizes.reset_after;

  const Source input{weights.kernel, sizes.columns(), 1, dim};
  const Source state{weights.recurrent, sizes.columns(), 1, units};
  auto moved = [](Source source, int columns) {
    source.from += columns;
    return source;
  };
  Element* gates_right = memory.Take<Element>(LaidOutSize<Numbers>({dim, units}, 2 * units));
  LayOut<Numbers>({input, state}, 2 * units, gates_right);
  const Source input_c = moved(input, 2 * units), state_c = moved(state, 2 * units);
  Element* candidate_right = memory.Take<Element>(LaidOutSize<Numbers>({dim, units}, units));
  Element* inner_right = memory.Take<Element>(after ? LaidOutSize<Numbers>({units}, units) : 0);
  if (after) {
    LayOut<Numbers>({input_c}, units, candidate_right);
    LayOut<Numbers>({state_c}, units, inner_right);
  } else {
    LayOut<Numbers>({input_c, state_c}, units, candidate_right);
  }
  auto padded = [&](const float* from, int count) {
    float* to = memory.Take<float>(RoundUp(count, kWidth));
    std::copy_n(from, count, to);
    Pad(to, count, RoundUp(count, kWidth));
    return to;
  };
  const float* gates_bias = padded(weights.bias, 2 * units);
  const float* candidate_bias = padded(weights.bias + 2 * units, units);
  const float* inner_bias = padded(weights.inner_bias, units);

  Element* x = memory.Take<Element>(width * dim_stride);
  std::fill_n(x, width * dim_stride, Element(0));
  float* h = memory.Take<float>(width * wide);
  std::fill_n(h, width * wide, 0.0f);
  // The state as products read it, then with the reset gate; zeros in what is left over.
  Element* left = memory.Take<Element>(width * unit_stride);
  std::fill_n(left, width * unit_stride, Element(0));
  float* scratch = saved ? nullptr : memory.Take<float>(width * sizes.saved() + kWidth);
  const long stride = sizes.saved();
  const int update = sizes.update(), reset = sizes.reset(), inner = sizes.inner();
  const Part<Numbers> x_part{x, dim_stride, dim_stride}, none{x, 0, 0};
  const Part<Numbers> reset_part{left, unit_stride, unit_part};

  for (int t = 0; t < chunk.steps(); ++t) {
    const int running = chunk.running(t), rows = RoundUp(running, kRows);
    float* gates = saved ? saved + chunk.offsets[t] * stride : scratch;
    for (int i = 0; i < rows; ++i) {
      if (i < running) {
        inputs.Copy<Numbers>(chunk.rows[i], chunk.lengths[i], t, x + i * dim_stride);
        if (t + 1 < chunk.lengths[i]) inputs.Prefetch(chunk.rows[i], chunk.lengths[i], t + 1);
      } else {
        std::fill_n(x + i * dim_stride, dim_stride, Element(0));
      }
    }
    const Part<Numbers> h_part = Left<Numbers>(h, wide, rows, units, left, unit_stride);
    Multiply<Numbers>(rows, x_part, h_part, gates_right, 2 * units, gates_bias,
                      [&](int i, int n, Vec sum) {
                        Store(gates + i * stride + update + n, Sigmoid(sum));
                      });
    if (after) {
      Multiply<Numbers>(
          rows, h_part, none, inner_right, units, inner_bias,
          [&](int i, int n, Vec sum) { Store(gates + i * stride + inner + n, sum); });
    } else {
      for (int i = 0; i < rows; ++i) {
        const float* r = gates + i * stride + reset;
        Element* to = left + i * unit_stride;
        for (int n = 0; n < units; n += kWidth) {
          const Vec scaled = Load(r + n) * Load(h + i * wide + n);
          StoreFirst(to + n, Numbers::Make(scaled), units - n);
        }
      }
    }
    Multiply<Numbers>(rows, x_part, after ? none : reset_part, candidate_right, units,
                      candidate_bias, [&](int i, int n, Vec sum) {
                        float* row = gates + i * stride + n;
                        if (after) sum += Load(row + reset) * Load(row + inner);
                        const Vec c = Tanh(sum), z = Load(row + update);
                        Store(row, c);
                        Store(h + i * wide + n, c + z * (Load(h + i * wide + n) - c));
                      });
    for (int i = 0; i < running; ++i) {
      const long place = inputs.Place(chunk.rows[i], chunk.lengths[i], t);
      std::copy_n(h + i * wide, units, states + place * units);
      if (t == chunk.lengths[i] - 1) {
        std::copy_n(h + i * wide, units, last + static_cast<long>(chunk.rows[i]) * units);
      }
    }
  }
}

}  // namespace amh

#endif  // AMH_TF_GRU_FORWARD_H_
