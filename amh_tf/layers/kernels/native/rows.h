// Rows of unequal length as a GRU or an LSTM reads them, and what its way forward and back share.
//
// Rows are sorted by length, longest first, so that each step computes the first few of them and
// no padding.
#ifndef AMH_TF_ROWS_H_
#define AMH_TF_ROWS_H_

#include <algorithm>
#include <numeric>
#include <vector>

#include "dropout.h"
#include "products.h"
#include "vectors.h"

namespace amh {

enum class Cell { kGru, kGruResetAfter, kLstm };

struct Sizes {
  int batch, time, dim, units;
  Cell cell;
  int directions;  // whose states stand side by side

  bool is_lstm() const { return cell == Cell::kLstm; }
  bool reset_after() const { return cell == Cell::kGruResetAfter; }
  int wide() const { return RoundUp(units, kWidth); }
  int state_width() const { return directions * units; }
  // Gates that one product computes: a GRU's update and reset gate, as the candidate is a product
  // with what they make; all of an LSTM's, its candidate among them.
  int gates() const { return is_lstm() ? 4 : 2; }
  int columns() const { return (is_lstm() ? 4 : 3) * units; }  // of Keras' weights
  int biases() const { return 4 * units; }  // an LSTM's; a GRU's, and of what its reset gate scales
  // What a row of a step saves, and later its gradient: a GRU's candidate, the gates without a
  // gap, and what follows them: with `reset_after` what the reset gate scales, or an LSTM's cell
  // state. Rows are whole vectors long, with room for those that begin within each of these.
  int first_gate() const { return is_lstm() ? 0 : wide(); }
  int gate(int number) const { return first_gate() + number * units; }
  int update() const { return gate(0); }
  int reset() const { return gate(1); }
  int after_gates() const { return RoundUp(gate(gates() - 1) + wide(), kWidth); }
  int saved() const { return after_gates() + (cell == Cell::kGru ? 0 : wide()); }
};

// Rows that one core computes, sorted by length, and where each step's rows are saved.
struct Chunk {
  std::vector<int> rows, lengths;
  std::vector<long> offsets;  // of each step, counted in saved rows from the chunk's first

  int steps() const { return lengths.empty() ? 0 : lengths.front(); }
  // Floats that the chunk saves.
  long saved(const Sizes& sizes) const { return offsets.back() * sizes.saved(); }
  int width() const { return RoundUp(static_cast<int>(rows.size()), kRows); }
  int running(int step) const {
    const auto ended = std::partition_point(lengths.begin(), lengths.end(),
                                            [step](int length) { return length > step; });
    return static_cast<int>(ended - lengths.begin());
  }

  // Zeros what follows the valid steps of a sequence `(batch, time, width)`.
  template <class Element>
  void ClearPadding(Element* sequence, long time, int width) const {
    for (size_t i = 0; i < rows.size(); ++i) {
      Element* row = sequence + rows[i] * time * width;
      std::fill(row + static_cast<long>(lengths[i]) * width, row + time * width, Element(0));
    }
  }
};

// Cuts rows, in the order of their lengths, into chunks of about the same number.
//
// How many there are depends on the rows alone: gradients of the weights are summed up chunk by
// chunk, and must have the same bits on any number of threads. There are four or more, so that
// threads can share them evenly, and not so many that the weights are read for a few rows only.
// Neighbours are about as long: a chunk computes as many rows at a step as fill its products.
inline std::vector<Chunk> MakeChunks(const int32_t* lengths, int batch) {
  std::vector<int> order(batch);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [lengths](int a, int b) { return lengths[a] > lengths[b]; });
  constexpr int kFewest = std::max(kRows, 8), kUsual = 16;
  auto cut = [batch](int rows) { return (batch + rows - 1) / rows; };
  std::vector<Chunk> chunks(std::max(1, std::min(std::max(4, cut(kUsual)), cut(kFewest))));
  const int groups = (batch + kRows - 1) / kRows, count = static_cast<int>(chunks.size());
  for (int i = 0; i < batch; ++i) {
    Chunk& chunk = chunks[static_cast<long>(i / kRows) * count / groups];
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

// Keras' weights, gates in its order: update, reset, candidate; input, forget, candidate, output.
struct Weights {
  const float *kernel, *recurrent, *bias;  // (dim, columns), (units, columns), (biases)
};

template <class Element>
void Pad(Element* row, int from, int to) {
  std::fill(row + from, row + to, Element(0));
}

// Rows that a product's left operand has room for.
template <class Numbers>
int LeftRows(int rows) {
  return rows + Numbers::kMoreRows;
}

// Makes a product's left operand of rows, rounded into `room` where that is needed.
template <class Numbers>
Part<Numbers> Left(const float* from, long from_stride, int rows, int width,
                   typename Numbers::Element* room, long room_stride) {
  if constexpr (Numbers::kExact) {
    return {from, from_stride, width};
  } else {
    const int padded = RoundUp(width, Numbers::kDepth);
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

}  // namespace amh

#endif  // AMH_TF_ROWS_H_
