// Products of numbers in bfloat16 by a processor's matrix unit (Intel's AMX): a tile has 16 rows of
// 64 bytes, and one instruction adds a product of 16 x 32 and 32 x 16 numbers to 16 x 16 sums.
#ifndef AMH_TF_TILES_H_
#define AMH_TF_TILES_H_

#include "vectors.h"

#if defined(__linux__) && defined(__AMX_BF16__) && defined(__AVX512BF16__)
#define AMH_TF_TILES 1

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace amh {

constexpr int kTile = 16;  // rows, and pairs or float32 numbers in a row

struct TiledBfloat16 : Bfloat16 {
  static constexpr int kDepth = 2 * kTile;
  static constexpr int kMoreRows = kTile - kRows;
  static constexpr bool kTiled = true;

  // Whether the system lets this process use the unit: it has to be asked once.
  static bool Allowed() {
    constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, see arch_prctl(2)
    static const bool allowed = syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
    return allowed;
  }

  // Sets the calling thread's tiles up, all of them whole.
  struct Session {
    Session() {
      struct alignas(64) {
        uint8_t palette = 1, first_row = 0, unused[14] = {};
        uint16_t row_bytes[16] = {};
        uint8_t rows[16] = {};
      } shapes;
      std::fill_n(shapes.row_bytes, 8, 64);
      std::fill_n(shapes.rows, 8, kTile);
      _tile_loadconfig(&shapes);
    }
    ~Session() { _tile_release(); }
    Session(const Session&) = delete;
  };
};

// Keeps the compiler from moving what is stored past the instructions on tiles, of which it does
// not know what they read.
inline void Settle() { asm volatile("" ::: "memory"); }

// Arguments are in parentheses, as some compilers' macros cast no more than their first term.
//
// Adds the products of `depth` numbers to the sums in tiles 0 to 2 and, for the 16 rows that
// follow, 3 to 5. The strides count elements; right: a panel that is laid out in pairs.
template <bool two, int kVectors>
inline __attribute__((always_inline)) void AddTiles(const uint16_t* left, long left_stride,
                                                    int depth, const uint16_t* right) {
  constexpr int kRight = kVectors * kTile * 2;  // elements of a pair of rows
  const long left_bytes = left_stride * 2;
  for (int k = 0; k < depth; k += 2 * kTile, right += kTile * kRight) {
    const uint16_t *first = left + k, *second = first + kTile * left_stride;
    // In an order in which each tile that is loaded serves twice.
    _tile_loadd(6, first, left_bytes);
    _tile_loadd(7, right, (kRight * 2));
    _tile_dpbf16ps(0, 6, 7);
    if constexpr (two) {
      _tile_loadd(6, second, left_bytes);
      _tile_dpbf16ps(3, 6, 7);
    }
    if constexpr (kVectors > 1) {
      _tile_loadd(7, (right + 2 * kTile), (kRight * 2));
      if constexpr (two) {
        _tile_dpbf16ps(4, 6, 7);
        _tile_loadd(6, first, left_bytes);
      }
      _tile_dpbf16ps(1, 6, 7);
    }
    if constexpr (kVectors > 2) {
      _tile_loadd(7, (right + 4 * kTile), (kRight * 2));
      _tile_dpbf16ps(2, 6, 7);
      if constexpr (two) {
        _tile_loadd(6, second, left_bytes);
        _tile_dpbf16ps(5, 6, 7);
      }
    }
  }
}

// Loads the tiles of sums, `stride` floats from row to row, or stores them.
template <bool two, int kVectors>
inline __attribute__((always_inline)) void LoadSums(const float* from, long stride) {
  Settle();
  const float* second = from + kTile * stride;
  _tile_loadd(0, from, (stride * 4));
  if constexpr (kVectors > 1) _tile_loadd(1, (from + kTile), (stride * 4));
  if constexpr (kVectors > 2) _tile_loadd(2, (from + 2 * kTile), (stride * 4));
  if constexpr (two) {
    _tile_loadd(3, second, (stride * 4));
    if constexpr (kVectors > 1) _tile_loadd(4, (second + kTile), (stride * 4));
    if constexpr (kVectors > 2) _tile_loadd(5, (second + 2 * kTile), (stride * 4));
  }
}
template <bool two, int kVectors>
inline __attribute__((always_inline)) void StoreSums(float* to, long stride) {
  float* second = to + kTile * stride;
  _tile_stored(0, to, (stride * 4));
  if constexpr (kVectors > 1) _tile_stored(1, (to + kTile), (stride * 4));
  if constexpr (kVectors > 2) _tile_stored(2, (to + 2 * kTile), (stride * 4));
  if constexpr (two) {
    _tile_stored(3, second, (stride * 4));
    if constexpr (kVectors > 1) _tile_stored(4, (second + kTile), (stride * 4));
    if constexpr (kVectors > 2) _tile_stored(5, (second + 2 * kTile), (stride * 4));
  }
  Settle();
}

inline void ZeroSums() {
  Settle();
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
}

// Writes `count` rows' columns as rows: column n at to + n * stride, with zeros up to a multiple
// of 32. The rows are read, and columns written, up to a multiple of 16.
inline void Transpose(const uint16_t* rows, int count, long width, uint16_t* to, long stride) {
  alignas(64) static const struct Order {
    uint16_t pairs[32];
    Order() {
      for (int n = 0; n < 32; ++n) pairs[n] = n / 2 + n % 2 * 16;
    }
  } order;
  const __m512i pairs = _mm512_load_si512(order.pairs);
  for (int p = 0; p < count; p += 2 * kTile) {
    for (long n = 0; n < width; n += kTile) {
      __m512i a[kTile], b[kTile];
      for (int q = 0; q < kTile; ++q) {
        // A pair of rows, number by number.
        __m256i halves[2];
        for (int j = 0; j < 2; ++j) {
          const int row = p + 2 * q + j;
          halves[j] = row < count ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(
                                        rows + row * width + n))
                                  : _mm256_setzero_si256();
        }
        a[q] = _mm512_permutexvar_epi16(
            pairs, _mm512_inserti64x4(_mm512_castsi256_si512(halves[0]), halves[1], 1));
      }
      for (int i = 0; i < kTile; i += 2) {
        b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
      }
      for (int i = 0; i < kTile; i += 4) {
        a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
        a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
        a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
        a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
      }
      // a[4 g + c] has columns c, c + 4, c + 8, c + 12 of rows 4 g to 4 g + 3.
      for (int c = 0; c < 4; ++c) {
        const __m512i low = _mm512_shuffle_i32x4(a[c], a[4 + c], 0x88);
        const __m512i low_odd = _mm512_shuffle_i32x4(a[c], a[4 + c], 0xdd);
        const __m512i high = _mm512_shuffle_i32x4(a[8 + c], a[12 + c], 0x88);
        const __m512i high_odd = _mm512_shuffle_i32x4(a[8 + c], a[12 + c], 0xdd);
        uint16_t* column = to + (n + c) * stride + p;
        _mm512_storeu_si512(column, _mm512_shuffle_i32x4(low, high, 0x88));
        _mm512_storeu_si512(column + 4 * stride, _mm512_shuffle_i32x4(low_odd, high_odd, 0x88));
        _mm512_storeu_si512(column + 8 * stride, _mm512_shuffle_i32x4(low, high, 0xdd));
        _mm512_storeu_si512(column + 12 * stride, _mm512_shuffle_i32x4(low_odd, high_odd, 0xdd));
      }
    }
  }
}

}  // namespace amh

#endif

#endif  // AMH_TF_TILES_H_
