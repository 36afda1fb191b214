// Matrix products of a few rows with weights that are laid out once and used at every step.
//
// A library lays its operands out anew in every product, which for 64 rows takes a good part of
// the time. `Numbers` is Float32 or Bfloat16.
#ifndef AMH_TF_PRODUCTS_H_
#define AMH_TF_PRODUCTS_H_

#include <algorithm>
#include <type_traits>
#include <vector>

#include "tiles.h"
#include "vectors.h"

namespace amh {

constexpr int kPanel = 3;  // vectors that a product computes of each row at once

// Vectors of the next panel, where `left` are to come: two and two rather than three and one,
// as one alone keeps the processor waiting for its sums.
inline int PanelVectors(int left) { return left == 4 ? 2 : std::min(left, kPanel); }

inline int Vectors(int columns) { return (columns + kWidth - 1) / kWidth; }

// A matrix to lay out: element (k, n) is at from[k * by_row + n * by_column].
struct Source {
  const float* from;
  long by_row, by_column;
  int rows;
};

// Elements that `LayOut` writes.
template <class Numbers>
size_t LaidOutSize(const std::vector<int>& rows, int columns) {
  size_t total = 0;
  for (int count : rows) total += RoundUp(count, Numbers::kDepth);
  return total * Vectors(columns) * kWidth;
}

// Lays out matrices that stand one above the other: panel by panel of columns, each row by row
// (pair by pair of rows), filled up with zeros.
template <class Numbers>
void LayOut(const std::vector<Source>& sources, int columns, typename Numbers::Element* to) {
  constexpr int kPair = Numbers::kPair;
  int first = 0;
  for (int left = Vectors(columns); left > 0;) {
    const int width = PanelVectors(left) * kWidth;
    const int present = std::min(width, columns - first);
    for (const Source& source : sources) {
      for (int k = 0; k < RoundUp(source.rows, Numbers::kDepth); k += kPair, to += width * kPair) {
        for (int j = 0; j < kPair; ++j) {
          const bool inside = k + j < source.rows;
          const float* row = source.from + (k + j) * source.by_row + first * source.by_column;
          for (int n = 0; n < width; ++n) {
            to[n * kPair + j] = Numbers::Make(inside && n < present ? row[n * source.by_column] : 0);
          }
        }
      }
    }
    first += width;
    left -= width / kWidth;
  }
}

// The left operand's part that meets one of the matrices laid out.
template <class Numbers>
struct Part {
  const typename Numbers::Element* rows;
  long stride;
  int width;  // a multiple of kDepth
};

template <class Numbers, int kVectors>
inline __attribute__((always_inline)) void AddPart(const Part<Numbers>& part, int row,
                                                   const typename Numbers::Element*& right,
                                                   Vec (&sums)[kRows][kVectors]) {
  constexpr int kPair = Numbers::kPair;
  const typename Numbers::Element* left = part.rows + row * part.stride;
  const long stride = part.stride;
  for (int k = 0; k < part.width; k += kPair, right += kVectors * kWidth * kPair) {
    decltype(Numbers::Right(right)) loaded[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      // Of the next rows: a panel is larger than what the innermost cache has left for it.
      __builtin_prefetch(right + (16 * kVectors + v) * kWidth * kPair);
      loaded[v] = InRegister(Numbers::Right(right + v * kWidth * kPair));
    }
    for (int r = 0; r < kRows; ++r) {
      const auto scalar = Numbers::Left(left + r * stride + k);
      for (int v = 0; v < kVectors; ++v) {
        sums[r][v] = Numbers::AddProduct(sums[r][v], scalar, loaded[v]);
      }
    }
  }
}

#if AMH_TF_TILES
template <class Numbers, int kVectors, class Use>
inline void MultiplyTiles(int rows, const Part<Numbers>& first, const Part<Numbers>& second,
                          const uint16_t* right, const float* bias, int column, Use& use) {
  constexpr int kWide = kVectors * kTile;
  alignas(64) float sums[2 * kTile * kWide];
  auto add = [&](auto is_two, int row) {
    constexpr auto two = decltype(is_two)();
    ZeroSums();
    AddTiles<two.value, kVectors>(first.rows + row * first.stride, first.stride, first.width, right);
    AddTiles<two.value, kVectors>(second.rows + row * second.stride, second.stride, second.width,
                              right + static_cast<long>(first.width) * kWide);
    StoreSums<two.value, kVectors>(sums, kWide);
  };
  for (int row = 0; row < rows; row += 2 * kTile) {
    const int count = std::min(rows - row, 2 * kTile);
    count > kTile ? add(std::true_type(), row) : add(std::false_type(), row);
    for (int v = 0; v < kVectors; ++v) {
      const Vec start = bias ? Load(bias + column + v * kWidth) : Vec{};
      for (int r = 0; r < count; ++r) {
        use(row + r, column + v * kWidth, start + Load(sums + r * kWide + v * kWidth));
      }
    }
  }
}
#endif

template <class Numbers, int kVectors, class Use>
inline void MultiplyPanel(int rows, const Part<Numbers>& first, const Part<Numbers>& second,
                          const typename Numbers::Element* right, const float* bias, int column,
                          Use& use) {
#if AMH_TF_TILES
  if constexpr (Numbers::kTiled) {
    return MultiplyTiles<Numbers, kVectors>(rows, first, second, right, bias, column, use);
  }
#endif
  for (int row = 0; row < rows; row += kRows) {
    Vec sums[kRows][kVectors];
    for (int v = 0; v < kVectors; ++v) {
      const Vec start = bias ? Load(bias + column + v * kWidth) : Vec{};
      for (int r = 0; r < kRows; ++r) sums[r][v] = start;
    }
    const typename Numbers::Element* position = right;
    AddPart<Numbers, kVectors>(first, row, position, sums);
    AddPart<Numbers, kVectors>(second, row, position, sums);
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) use(row + r, column + v * kWidth, sums[r][v]);
    }
  }
}

// Multiplies rows, a multiple of kRows of them, with matrices laid out; calls
// use(row, column, vector) with the product and bias. The bias is as wide as whole vectors.
template <class Numbers, class Use>
void Multiply(int rows, const Part<Numbers>& first, const Part<Numbers>& second,
              const typename Numbers::Element* right, int columns, const float* bias, Use use) {
  int column = 0;
  for (int left = Vectors(columns); left > 0;) {
    const int vectors = PanelVectors(left);
    if (vectors == 3) {
      MultiplyPanel<Numbers, 3>(rows, first, second, right, bias, column, use);
    } else if (vectors == 2) {
      MultiplyPanel<Numbers, 2>(rows, first, second, right, bias, column, use);
    } else {
      MultiplyPanel<Numbers, 1>(rows, first, second, right, bias, column, use);
    }
    right += static_cast<size_t>(first.width + second.width) * vectors * kWidth;
    column += vectors * kWidth;
    left -= vectors;
  }
}

}  // namespace amh

#endif  // AMH_TF_PRODUCTS_H_
