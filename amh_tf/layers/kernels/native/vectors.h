// Vectors of the widest kind that the processor has, and what GRUs compute with them.
#ifndef AMH_TF_VECTORS_H_
#define AMH_TF_VECTORS_H_

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace amh {

// Floats in a vector, and rows that a product computes at once: with three vectors to a row, the
// sums just fill the registers.
#if defined(__AVX512F__)
constexpr int kWidth = 16, kRows = 8;
#elif defined(__AVX2__)
constexpr int kWidth = 8, kRows = 4;
#else
constexpr int kWidth = 4, kRows = 8;
#endif

typedef float Vec __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
typedef int32_t IntVec __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));

// Half a vector.
typedef float HalfVec __attribute__((vector_size(kWidth * 2), aligned(4), may_alias));

inline Vec Load(const float* from) { return *reinterpret_cast<const Vec*>(from); }
inline void Store(float* to, Vec value) { *reinterpret_cast<Vec*>(to) = value; }

// Stores a vector past the caches, where the processor can: for what nobody reads before it would
// have left them. `to` is a multiple of a vector. Other threads see it after Settled().
inline void Stream(float* to, Vec value) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, reinterpret_cast<__m512>(value));
#else
  Store(to, value);
#endif
}
inline void Settled() {
#if defined(__AVX512F__)
  _mm_sfence();
#endif
}

inline HalfVec LoadHalf(const float* from) { return *reinterpret_cast<const HalfVec*>(from); }

// The first half of a vector, and a vector of it and zeros.
inline HalfVec FirstHalf(Vec value) {
#if defined(__AVX512F__)
  return reinterpret_cast<HalfVec>(_mm512_castps512_ps256(reinterpret_cast<__m512>(value)));
#else
  HalfVec first;
  std::memcpy(&first, &value, sizeof first);
  return first;
#endif
}
inline Vec Widen(HalfVec first) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vec>(_mm512_zextps256_ps512(reinterpret_cast<__m256>(first)));
#else
  Vec value{};
  std::memcpy(&value, &first, sizeof first);
  return value;
#endif
}

// Of a row's last vector, which may be shorter than the others: only what is there is read or
// written. Without masks a shorter vector goes through memory, for which the processor waits.
#if defined(__AVX512F__)
inline __mmask16 First(int count) { return static_cast<__mmask16>((1u << std::min(count, 16)) - 1); }
#elif defined(__AVX2__)
inline __m256i First(int count) {
  static const int32_t kMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMasks + 8 - std::min(count, 8)));
}
#endif

inline Vec LoadFirst(const float* from, int count) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vec>(_mm512_maskz_loadu_ps(First(count), from));
#elif defined(__AVX2__)
  return reinterpret_cast<Vec>(_mm256_maskload_ps(from, First(count)));
#else
  Vec value{};
  std::memcpy(&value, from, std::min(count, kWidth) * sizeof(float));
  return value;
#endif
}

inline void StoreFirst(float* to, Vec value, int count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, First(count), reinterpret_cast<__m512>(value));
#elif defined(__AVX2__)
  _mm256_maskstore_ps(to, First(count), reinterpret_cast<__m256>(value));
#else
  std::memcpy(to, &value, std::min(count, kWidth) * sizeof(float));
#endif
}

// Halves of 16 bits, as many as a vector has floats.
typedef uint16_t Halves __attribute__((vector_size(kWidth * 2), aligned(2), may_alias));

inline Halves LoadFirstHalves(const uint16_t* from, int count) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  return reinterpret_cast<Halves>(_mm256_maskz_loadu_epi16(First(count), from));
#else
  Halves halves{};
  std::memcpy(&halves, from, std::min(count, kWidth) * sizeof(uint16_t));
  return halves;
#endif
}

inline void StoreFirst(uint16_t* to, Halves value, int count) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  _mm256_mask_storeu_epi16(to, First(count), reinterpret_cast<__m256i>(value));
#else
  std::memcpy(to, &value, std::min(count, kWidth) * sizeof(uint16_t));
#endif
}

// Keeps a vector in a register: GCC reads one that meets several rows from memory again for each,
// and a processor reads fewer vectors at a time than such products then need.
template <class Value>
inline __attribute__((always_inline)) Value InRegister(Value value) {
#if defined(__x86_64__)
  asm("" : "+v"(value));
#elif defined(__aarch64__)
  asm("" : "+w"(value));
#endif
  return value;
}

constexpr int RoundUp(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

inline float Sum(Vec values) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps(reinterpret_cast<__m512>(values));
#elif defined(__AVX2__)
  const __m256 all = reinterpret_cast<__m256>(values);
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
#else
  float sum = 0;
  for (int n = 0; n < kWidth; ++n) sum += values[n];
  return sum;
#endif
}

// e^x within 2 units in the last place, between e^-87 and e^88. Cephes' polynomial.
inline Vec Exp(const Vec given) {
  Vec x = given > 88.0f ? Vec{} + 88.0f : given;
  x = x < -87.0f ? Vec{} - 87.0f : x;
  const float kShift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  Vec shifted = x * 1.44269504088896341f + kShift;
  const IntVec exponent = reinterpret_cast<IntVec>(shifted) << 23;
  const Vec power = shifted - kShift;
  const Vec rest = x - power * 0.693359375f + power * 2.12194440e-4f;
  Vec sum = rest * 1.9875691500e-4f + 1.3981999507e-3f;
  sum = sum * rest + 8.3334519073e-3f;
  sum = sum * rest + 4.1665795894e-2f;
  sum = sum * rest + 1.6666665459e-1f;
  sum = sum * rest + 5.0000001201e-1f;
  sum = sum * (rest * rest) + rest + 1.0f;
  const Vec result = reinterpret_cast<Vec>(reinterpret_cast<IntVec>(sum) + exponent);
  return given == given ? result : given;  // not a number stays not one
}

inline Vec Sigmoid(Vec x) { return 1.0f / (1.0f + Exp(-x)); }
inline Vec Tanh(Vec x) { return 2.0f / (1.0f + Exp(-2.0f * x)) - 1.0f; }

inline uint16_t ToBfloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc0;  // not a number stays one
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline float FromBfloat16(uint16_t value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  std::memcpy(&result, &bits, 4);
  return result;
}

// The bits of numbers whose upper halves are those numbers in bfloat16.
inline IntVec Rounded(Vec value) {
  const IntVec bits = reinterpret_cast<IntVec>(value);
  return bits + 0x7fff + (bits >> 16 & 1);
}

// Between arrays of numbers, float or bfloat16, and floats.
inline void ToFloat(const float* from, long count, float* to) { std::copy_n(from, count, to); }
inline void ToFloat(const uint16_t* from, long count, float* to) {
  std::transform(from, from + count, to, FromBfloat16);
}
inline void FromFloat(const float* from, int count, float* to) { std::copy_n(from, count, to); }
inline void FromFloat(const float* from, int count, uint16_t* to) {
  std::transform(from, from + count, to, ToBfloat16);
}

// Stores the first numbers of a vector.
inline void StoreNumbers(float* to, Vec value, int count) { StoreFirst(to, value, count); }
inline void StoreNumbers(uint16_t* to, Vec value, int count) {
  const IntVec bits = value == value ? Rounded(value) : IntVec{} + 0x7fc00000;
  StoreFirst(to, __builtin_convertvector(bits >> 16 & 0xffff, Halves), count);
}

// Products in float32.
struct Float32 {
  using Element = float;
  static constexpr int kPair = 1;  // rows that one operation multiplies and adds up
  static constexpr int kDepth = kPair;  // numbers to whose multiple both operands are filled up
  static constexpr int kMoreRows = 0;  // that are read past the left operand's, for nothing
  static constexpr bool kTiled = false;
  // Whether products may be with half a vector.
#if defined(__AVX512F__)
  static constexpr bool kHalves = true;
#else
  static constexpr bool kHalves = false;
#endif
  // What a thread holds while it multiplies.
  struct Session {
    Session() {}
  };
  static constexpr bool kExact = true;
  static Element Make(float value) { return value; }
  static Vec Make(Vec values) { return values; }
  static Vec Right(const Element* from) { return Load(from); }
  static float Left(const Element* from) { return *from; }
  static Vec AddProduct(Vec sum, float left, Vec right) { return sum + left * right; }
  static void Interleave(const Vec* rows, Element* to) { Store(to, rows[0]); }
};

// Products of numbers rounded to bfloat16, added up in float32.
#if defined(__AVX512BF16__)
struct Bfloat16 : Float32 {
  using Element = uint16_t;
  static constexpr int kPair = 2, kDepth = kPair;
  static constexpr bool kHalves = false;
  static constexpr bool kExact = false;
  static Element Make(float value) { return ToBfloat16(value); }
  static Halves Make(Vec values) { return reinterpret_cast<Halves>(_mm512_cvtneps_pbh(values)); }
  static __m512bh Right(const Element* from) {
    return reinterpret_cast<__m512bh>(_mm512_loadu_si512(from));
  }
  static __m512bh Left(const Element* from) {
    int32_t pair;
    std::memcpy(&pair, from, 4);
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
  }
  static Vec AddProduct(Vec sum, __m512bh left, __m512bh right) {
    return _mm512_dpbf16_ps(sum, left, right);
  }
  static void Interleave(const Vec* rows, Element* to) {
    const IntVec low = Rounded(rows[0]) >> 16 & 0xffff;
    Store(reinterpret_cast<float*>(to), reinterpret_cast<Vec>(low | (Rounded(rows[1]) & ~0xffff)));
  }
};
#else
struct Bfloat16 : Float32 {
  static constexpr bool kExact = false;
  static Element Make(float value) { return FromBfloat16(ToBfloat16(value)); }
  static Vec Make(Vec values) { return reinterpret_cast<Vec>(Rounded(values) & ~0xffff); }
  static void Interleave(const Vec* rows, Element* to) {
    Store(to, Make(rows[0]));
  }
};
#endif

}  // namespace amh

#endif  // AMH_TF_VECTORS_H_
