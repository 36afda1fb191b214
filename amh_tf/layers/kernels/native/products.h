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

// Calls run(vectors, half, column) for each panel, the first two of types with a `value`. `half`:
// whether its last vector has columns in its first half only, for which some processors need half
// the time.
template <class Numbers, class Run>
void EachPanel(int columns, Run run) {
  for (int left = Vectors(columns), column = 0; left > 0;) {
    const int vectors = PanelVectors(left);
    const bool half =
        Numbers::kHalves && columns - column <= (vectors - 1) * kWidth + kWidth / 2;
    auto with = [&](auto count) {
      if constexpr (Numbers::kHalves) {
        if (half) return run(count, std::true_type(), column);
      }
      run(count, std::false_type(), column);
    };
    if (vectors == 3) {
      with(std::integral_constant<int, 3>());
    } else if (vectors == 2) {
      with(std::integral_constant<int, 2>());
    } else {
      with(std::integral_constant<int, 1>());
    }
    column += vectors * kWidth;
    left -= vectors;
  }
}

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

// The sums of a few rows' panel; where `half`, of its last vector the first half only.
template <class Numbers, int kVectors, bool half>
struct Sums {
  static constexpr int kWhole = half ? kVectors - 1 : kVectors;
  Vec whole[kRows][std::max(kWhole, 1)];
  HalfVec halves[kRows];

  // Adds the product of kRows numbers, or pairs, with a row, or pair of rows, of the panel.
  inline __attribute__((always_inline)) void Add(const typename Numbers::Element* left,
                                                 long left_stride,
                                                 const typename Numbers::Element* right) {
    constexpr int kNext = kWidth * Numbers::kPair;
    decltype(Numbers::Right(right)) loaded[std::max(kWhole, 1)];
    HalfVec last;
    for (int v = 0; v < kWhole; ++v) loaded[v] = InRegister(Numbers::Right(right + v * kNext));
    if constexpr (half) last = InRegister(LoadHalf(right + kWhole * kNext));
    for (int r = 0; r < kRows; ++r) {
      const auto scalar = Numbers::Left(left + r * left_stride);
      for (int v = 0; v < kWhole; ++v) {
        whole[r][v] = Numbers::AddProduct(whole[r][v], scalar, loaded[v]);
      }
      if constexpr (half) halves[r] = halves[r] + scalar * last;
    }
  }

  Vec Get(int row, int v) const {
    if constexpr (half) {
      if (v == kWhole) return Widen(halves[row]);
    }
    return whole[row][v];
  }

  void Set(int row, int v, Vec sum) {
    if constexpr (half) {
      if (v == kWhole) {
        halves[row] = FirstHalf(sum);
        return;
      }
    }
    whole[row][v] = sum;
  }
};

template <class Numbers, int kVectors, bool half>
inline __attribute__((always_inline)) void AddPart(const Part<Numbers>& part, int row,
                                                   const typename Numbers::Element*& right,
                                                   Sums<Numbers, kVectors, half>& sums) {
  constexpr int kPair = Numbers::kPair, kNext = kWidth * kPair;
  const typename Numbers::Element* left = part.rows + row * part.stride;
  for (int k = 0; k < part.width; k += kPair, right += kVectors * kNext) {
    // Of the next rows: a panel is larger than what the innermost cache has left for it.
    for (int v = 0; v < kVectors; ++v) __builtin_prefetch(right + (16 * kVectors + v) * kNext);
    sums.Add(left + k, part.stride, right);
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

template <class Numbers, int kVectors, bool half, class Use>
inline void MultiplyPanel(int rows, const Part<Numbers>& first, const Part<Numbers>& second,
                          const typename Numbers::Element* right, const float* bias, int column,
                          Use use) {
#if AMH_TF_TILES
  if constexpr (Numbers::kTiled) {
    return MultiplyTiles<Numbers, kVectors>(rows, first, second, right, bias, column, use);
  }
#endif
  for (int row = 0; row < rows; row += kRows) {
    Sums<Numbers, kVectors, half> sums;
    for (int v = 0; v < kVectors; ++v) {
      const Vec start = bias ? Load(bias + column + v * kWidth) : Vec{};
      for (int r = 0; r < kRows; ++r) sums.Set(r, v, start);
    }
    const typename Numbers::Element* position = right;
    AddPart(first, row, position, sums);
    AddPart(second, row, position, sums);
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) use(row + r, column + v * kWidth, sums.Get(r, v));
    }
  }
}

// Multiplies rows, a multiple of kRows of them, with matrices laid out; calls
// use(row, column, vector) with the product and bias. The bias is as wide as whole vectors.
template <class Numbers, class Use>
void Multiply(int rows, const Part<Numbers>& first, const Part<Numbers>& second,
              const typename Numbers::Element* right, int columns, const float* bias, Use use) {
  EachPanel<Numbers>(columns, [&](auto vectors, auto half, int column) {
    MultiplyPanel<Numbers, vectors.value, half.value>(rows, first, second, right, bias, column,
                                                      use);
    right += static_cast<size_t>(first.width + second.width) * vectors.value * kWidth;
  });
}

}  // namespace amh

#endif  // AMH_TF_PRODUCTS_H_
