// A GRU over rows of unequal length, forward and back, on one core.
//
// Rows are sorted by length, longest first, so that each step computes the first few of them and
// no padding. What the two directions share is laid out here; sizes are those of one layer.
#ifndef AMH_TF_GRU_H_
#define AMH_TF_GRU_H_

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "dropout.h"
#include "memory.h"
#include "products.h"
#include "vectors.h"

namespace amh {

struct Sizes {
  int batch, time, dim, units;
  bool reset_after;

  int wide() const { return RoundUp(units, kWidth); }
  int columns() const { return 3 * units; }  // of Keras' weights
  // What a row of a step saves, and later its gradient: the candidate first, update and reset
  // gate without a gap, and with `reset_after` what the reset gate scales.
  int update() const { return wide(); }
  int reset() const { return wide() + units; }
  int inner() const { return 2 * wide() + units; }
  int saved() const { return (reset_after ? 3 : 2) * wide() + units; }
};

// Rows that one core computes, sorted by length, and where each step's rows are saved.
struct Chunk {
  std::vector<int> rows, lengths;
  std::vector<long> offsets;  // of each step, counted in saved rows from the chunk's first

  int steps() const { return lengths.empty() ? 0 : lengths.front(); }
  // Floats that the chunk saves: whole vectors may be stored past the end of the last row.
  long saved(const Sizes& sizes) const { return offsets.back() * sizes.saved() + kWidth; }
  int width() const { return RoundUp(static_cast<int>(rows.size()), kRows); }
  int running(int step) const {
    const auto ended = std::partition_point(lengths.begin(), lengths.end(),
                                            [step](int length) { return length > step; });
    return static_cast<int>(ended - lengths.begin());
  }
};

// Deals rows out to chunks in the order of their lengths.
inline std::vector<Chunk> MakeChunks(const int32_t* lengths, int batch, int count) {
  std::vector<int> order(batch);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [lengths](int a, int b) { return lengths[a] > lengths[b]; });
  std::vector<Chunk> chunks(std::max(1, std::min(count, (batch + kRows - 1) / kRows)));
  for (int i = 0; i < batch; ++i) {
    Chunk& chunk = chunks[i % chunks.size()];
    chunk.rows.push_back(order[i]);
    chunk.lengths.push_back(lengths[order[i]]);
  }
  for (Chunk& chunk : chunks) {
    long total = 0;
    chunk.offsets.reserve(chunk.steps() + 1);
    for (int t = 0; t < chunk.steps(); ++t) {
      chunk.offsets.push_back(total);
      total += RoundUp(chunk.running(t), kRows);
    }
    chunk.offsets.push_back(total);
  }
  return chunks;
}

// Fetches what the next step reads of a row: the processor does not foresee a jump of a row.
template <class Element>
void Prefetch(const Element* row, int width) {
  constexpr int kLine = 64 / sizeof(Element);
  for (int n = 0; n < width; n += kLine) __builtin_prefetch(row + n);
}

// A batch of inputs, float32 or bfloat16, `(batch, time, dim)`, as a layer reads them.
struct Inputs {
  const float* full;
  const uint16_t* half;  // either of the two
  Dropout dropout;
  bool backward;  // whether each row is read from its last step to its first
  Sizes sizes;

  int Position(int length, int step) const { return backward ? length - 1 - step : step; }

  long Place(int row, int length, int step) const {
    return static_cast<long>(row) * sizes.time + Position(length, step);
  }

  void Prefetch(int row, int length, int step) const {
    const long from = Place(row, length, step) * sizes.dim;
    if (full) {
      amh::Prefetch(full + from, sizes.dim);
    } else {
      amh::Prefetch(half + from, sizes.dim);
    }
  }

  // Writes one row's step, after dropout; nothing but zeros where the row has ended.
  template <class Numbers>
  void Copy(int row, int length, int step, typename Numbers::Element* to) const {
    const int dim = sizes.dim;
    if (step >= length) {
      std::fill_n(to, dim, typename Numbers::Element(0));
      return;
    }
    const long place = Place(row, length, step);
    float factors[Dropout::kGroup];
    for (int first = 0; first < dim; first += Dropout::kGroup) {
      const int count = std::min(dim - first, Dropout::kGroup);
      if (dropout.drops()) {
        dropout.Factors(row, Position(length, step), first / Dropout::kGroup, factors);
      } else {
        std::fill_n(factors, count, 1.0f);
      }
      const long from = place * dim + first;
      if (full) {
        for (int d = 0; d < count; ++d) to[first + d] = Numbers::Make(full[from + d] * factors[d]);
      } else {
        for (int d = 0; d < count; ++d) {
          to[first + d] = Numbers::Make(FromBfloat16(half[from + d]) * factors[d]);
        }
      }
    }
  }
};

// Keras' weights, gates in the order update, reset, candidate.
struct Weights {
  const float *kernel, *recurrent;  // (dim, 3 units), (units, 3 units)
  const float *bias, *inner_bias;   // (3 units), (units): of what the reset gate scales
};

template <class Element>
void Pad(Element* row, int from, int to) {
  std::fill(row + from, row + to, Element(0));
}

// Makes a product's left operand of rows, rounded into `room` where that is needed.
template <class Numbers>
Part<Numbers> Left(const float* from, long from_stride, int rows, int width,
                   typename Numbers::Element* room, long room_stride) {
  if constexpr (Numbers::kExact) {
    return {from, from_stride, width};
  } else {
    const int padded = RoundUp(width, Numbers::kPair);
    typename Numbers::Element* to = room;
    for (int i = 0; i < rows; ++i, from += from_stride, to += room_stride) {
      for (int n = 0; n < width; n += kWidth) {
        StoreFirst(to + n, Numbers::Make(LoadFirst(from + n, width - n)), width - n);
      }
      std::fill(to + width, to + padded, typename Numbers::Element(0));
    }
    return {room, room_stride, padded};
  }
}

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
    Element* right_rows = block_rows;
    if (kPair > 1) {
      for (int p = 0; p < filled; p += kPair) {
        for (int n = 0; n < block_width; ++n) {
          for (int j = 0; j < kPair; ++j) {
            pairs[(static_cast<size_t>(p) * block_width) + n * kPair + j] =
                block_rows[static_cast<size_t>(p + j) * block_width + n];
          }
        }
      }
      right_rows = pairs;
    }
    auto add = [&](int first, int columns, int gate, int gate_columns, float* total, int total_stride,
                   float* bias) {
      AddOuter<Numbers>(filled, right_rows + static_cast<size_t>(first) * kPair, block_width,
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

#endif  // AMH_TF_GRU_H_
