// Sums of outer products of rows: the gradients of weights.
#ifndef AMH_TF_OUTER_PRODUCTS_H_
#define AMH_TF_OUTER_PRODUCTS_H_

#include <algorithm>
#include <type_traits>

#include "memory.h"
#include "products.h"

namespace amh {

// The left operand of AddOuter: rows of a block as its products read them.
template <class Numbers>
class OuterLeft {
 public:
  using Element = typename Numbers::Element;

  // capacity: most rows that will be set; width: of each, a multiple of kRows.
  OuterLeft(int capacity, int width, Memory& memory)
      : width_(width), stride_(Numbers::kTiled ? RoundUp(capacity, 32) + 32 : width) {
    const size_t size = Numbers::kTiled ? static_cast<size_t>(width + 16) * stride_
                                        : static_cast<size_t>(capacity) * width;
    if (Numbers::kPair > 1) room_ = memory.Take<Element>(size);
  }

  // Takes `count` rows: in place where they may stay so. They are read up to 16 elements past the
  // last row's end.
  void Set(const Element* rows, int count) {
    constexpr int kPair = Numbers::kPair;
    count_ = count;
    if constexpr (kPair == 1) {
      at_ = rows;
      return;
    }
#if AMH_TF_TILES
    if constexpr (Numbers::kTiled) return Transpose(rows, count, width_, room_, stride_);
#endif
    at_ = room_;
    Element* to = room_;
    for (int p = 0; p < count; p += kPair, rows += static_cast<size_t>(width_) * kPair) {
      for (int n = 0; n < width_; ++n) {
        for (int j = 0; j < kPair; ++j) *to++ = rows[static_cast<size_t>(j) * width_ + n];
      }
    }
  }

  int count() const { return count_; }
  long stride() const { return stride_; }
  const Element* Column(int column) const {
    if (Numbers::kTiled) return room_ + static_cast<size_t>(column) * stride_;
    return at_ + static_cast<size_t>(column) * Numbers::kPair;
  }

 private:
  const int width_;
  const long stride_;
  int count_ = 0;
  const Element* at_ = nullptr;
  Element* room_ = nullptr;
};

template <class Numbers, int kVectors, bool half>
inline void AddOuterPanel(const OuterLeft<Numbers>& left, int first, int left_columns,
                          const typename Numbers::Element* panel, float* to, long to_stride) {
#if AMH_TF_TILES
  if constexpr (Numbers::kTiled) {
    const int depth = RoundUp(left.count(), Numbers::kDepth);
    auto add = [&](auto is_two, int i) {
      constexpr auto two = decltype(is_two)();
      LoadSums<two.value, kVectors>(to + i * to_stride, to_stride);
      AddTiles<two.value, kVectors>(left.Column(first + i), left.stride(), depth, panel);
      StoreSums<two.value, kVectors>(to + i * to_stride, to_stride);
    };
    for (int i = 0; i < left_columns; i += 2 * kTile) {
      left_columns - i > kTile ? add(std::true_type(), i) : add(std::false_type(), i);
    }
    return;
  }
#endif
  constexpr int kPair = Numbers::kPair;
  const int count = left.count();
  const long left_stride = left.stride();
  for (int i = 0; i < left_columns; i += kRows) {
    Sums<Numbers, kVectors, half> sums;
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        sums.Set(r, v, Load(to + (i + r) * to_stride + v * kWidth));
      }
    }
    const typename Numbers::Element* right = panel;
    const typename Numbers::Element* column = left.Column(first + i);
    for (int p = 0; p < count; p += kPair) {
      sums.Add(column, kPair, right);
      right += kVectors * kWidth * kPair;
      column += left_stride * kPair;
    }
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        Store(to + (i + r) * to_stride + v * kWidth, sums.Get(r, v));
      }
    }
  }
}

// Adds left^T right to `to`, and the sums of right's columns to `column_sums`.
//
// left: from column `first` on, `left_columns` of them, a multiple of kRows; right:
// (left.count(), columns) float32, which may be read up to a vector past its columns. `to` and
// `column_sums` have room for whole vectors, and `to` for kMoreRows more rows. `panel` has room
// for kPanel vectors for each row, and for as many rows as kDepth divides.
template <class Numbers>
void AddOuter(const OuterLeft<Numbers>& left, int first, int left_columns, const float* right,
              long right_stride, int columns, float* to, long to_stride, float* column_sums,
              typename Numbers::Element* panel) {
  constexpr int kPair = Numbers::kPair;
  const int count = left.count();
  EachPanel<Numbers>(columns, [&](auto vectors, auto half, int column) {
    constexpr int width = vectors.value * kWidth;
    for (int v = 0; v < vectors.value; ++v) {
      float* sums = column_sums + column + v * kWidth;
      Vec sum = Load(sums);
      for (int p = 0; p < count; p += kPair) {
        Vec rows[kPair];
        for (int j = 0; j < kPair; ++j) {
          rows[j] = Load(right + (p + j) * right_stride + column + v * kWidth);
          sum += rows[j];
        }
        Numbers::Interleave(rows, panel + p * width + v * kWidth * kPair);
      }
      Store(sums, sum);
    }
    std::fill(panel + static_cast<long>(count) * width,
              panel + static_cast<long>(RoundUp(count, Numbers::kDepth)) * width,
              typename Numbers::Element(0));
    AddOuterPanel<Numbers, vectors.value, half.value>(left, first, left_columns, panel,
                                                      to + column, to_stride);
  });
}

}  // namespace amh

#endif  // AMH_TF_OUTER_PRODUCTS_H_
