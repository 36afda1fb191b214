// Which inputs dropout keeps: a function of the seed and of an element's place, so that nothing
// has to be stored for the way back.
#ifndef AMH_TF_DROPOUT_H_
#define AMH_TF_DROPOUT_H_

#include <cstdint>

#include "vectors.h"

namespace amh {

// Draws 16 bits for each element from Philox 4x32-10 (Salmon et al., 2011, "Parallel random
// numbers: as easy as 1, 2, 3"), the generator that TensorFlow draws with. What is drawn does
// not depend on the width of the processor's vectors.
class Dropout {
 public:
  static constexpr int kGroup = 128;  // elements that are drawn at once

  // rate: drop rate in [0, 1), met to 1 / 65,536. seed: two numbers.
  Dropout(float rate, const int64_t* seed)
      : threshold_(Threshold(rate)), scale_(65536.0f / (65536.0f - threshold_)) {
    key_[0] = static_cast<uint32_t>(seed[0]) ^ static_cast<uint32_t>(seed[1] >> 32);
    key_[1] = static_cast<uint32_t>(seed[1]) ^ static_cast<uint32_t>(seed[0] >> 32);
  }

  bool drops() const { return threshold_ > 0; }

  // Writes what each element of a group, counted along a row's step, is multiplied with: 0 or
  // the scale. `to` has room for the whole group.
  void Factors(uint32_t row, uint32_t step, uint32_t group, float* to) const {
    for (int first = 0; first < kBlocks; first += kWidth, to += kWidth) {
      // Two vectors for the blocks of even and of odd numbers, each with one number to 64 bits.
      Wide counters[4][2];
      for (int odd = 0; odd < 2; ++odd) {
        for (int i = 0; i < kWidth / 2; ++i) {
          counters[0][odd][i] = group * kBlocks + first + 2 * i + odd;
        }
        counters[1][odd] = Wide{} + step;
        counters[2][odd] = Wide{} + row;
        counters[3][odd] = Wide{};
        Draw(counters[0][odd], counters[1][odd], counters[2][odd], counters[3][odd]);
      }
      for (int j = 0; j < 4; ++j) {
        const Wide both = (counters[j][0] & 0xffffffffu) | counters[j][1] << 32;
        const IntVec bits = reinterpret_cast<IntVec>(both);
        Store(to + 2 * j * kBlocks, Factor(bits & 0xffff));
        Store(to + (2 * j + 1) * kBlocks, Factor(bits >> 16 & 0xffff));
      }
    }
  }

 private:
  static constexpr int kBlocks = 16;  // of 8 elements each
  typedef uint64_t Wide __attribute__((vector_size(kWidth * 4)));

  static uint32_t Threshold(float rate) {
    const uint32_t nearest = static_cast<uint32_t>(rate * 65536.0f + 0.5f);
    return nearest < 65535 ? nearest : 65535;
  }

  Vec Factor(IntVec bits) const {
    return bits >= static_cast<int32_t>(threshold_) ? Vec{} + scale_ : Vec{};
  }

  // The product of each lane's lower 32 bits.
  static Wide Multiply(Wide numbers, uint32_t factor) {
#if defined(__AVX512F__)
    return reinterpret_cast<Wide>(_mm512_mul_epu32(reinterpret_cast<__m512i>(numbers),
                                                   reinterpret_cast<__m512i>(Wide{} + factor)));
#elif defined(__AVX2__)
    return reinterpret_cast<Wide>(_mm256_mul_epu32(reinterpret_cast<__m256i>(numbers),
                                                   reinterpret_cast<__m256i>(Wide{} + factor)));
#else
    return (numbers & 0xffffffffu) * factor;
#endif
  }

  void Draw(Wide& c0, Wide& c1, Wide& c2, Wide& c3) const {
    uint32_t k0 = key_[0], k1 = key_[1];
    for (int round = 0; round < 10; ++round) {
      const Wide first = Multiply(c0, 0xD2511F53u), second = Multiply(c2, 0xCD9E8D57u);
      c0 = second >> 32 ^ c1 ^ k0;
      c1 = second;
      c2 = first >> 32 ^ c3 ^ k1;
      c3 = first;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
  }

  uint32_t threshold_;
  float scale_;
  uint32_t key_[2];
};

}  // namespace amh

#endif  // AMH_TF_DROPOUT_H_
