// Attention of one vector over a sequence: one row of a batch, which stays in the cache while it
// is read twice.
#ifndef AMH_TF_ATTENTION_H_
#define AMH_TF_ATTENTION_H_

#include <algorithm>
#include <cmath>

#include "memory.h"
#include "vectors.h"

namespace amh {

inline Vec LoadFirst(const uint16_t* from, int count) {
  typedef uint16_t Halves __attribute__((vector_size(kWidth * 2), aligned(2), may_alias));
  Halves halves{};
  std::memcpy(&halves, from, std::min(count, kWidth) * sizeof(uint16_t));
  return reinterpret_cast<Vec>(__builtin_convertvector(halves, IntVec) << 16);
}

// A sequence of `time` steps of `dim` numbers, float or bfloat16, and which of them are valid.
template <class Element>
struct Sequence {
  const Element* steps;
  const bool* mask;
  int time, dim;
};

constexpr int kSteps = 4;  // that are read at once

// Calls use(step, count) for runs of valid steps, at most kSteps of them.
template <class Element, class Use>
void EachRun(const Sequence<Element>& sequence, Use use) {
  for (int t = 0; t < sequence.time;) {
    int count = 0;
    while (count < kSteps && t + count < sequence.time && sequence.mask[t + count]) ++count;
    if (count > 0) use(t, count);
    t += std::max(count, 1);
  }
}

inline float Sum(Vec values) {
  float sum = 0;
  for (int n = 0; n < kWidth; ++n) sum += values[n];
  return sum;
}

// Writes each valid step's product with a vector, `(dim)` filled up with zeros to whole vectors.
template <class Element>
void Products(const Sequence<Element>& sequence, const float* vector, float* to) {
  const int dim = sequence.dim;
  EachRun(sequence, [&](int t, int count) {
    const Element* rows[kSteps];
    // Rows that are not there are the last one again.
    for (int j = 0; j < kSteps; ++j) {
      rows[j] = sequence.steps + static_cast<long>(t + std::min(j, count - 1)) * dim;
    }
    Vec sums[kSteps] = {};
    const int whole = dim / kWidth * kWidth;
    for (int n = 0; n < whole; n += kWidth) {
      const Vec factor = Load(vector + n);
      for (int j = 0; j < kSteps; ++j) sums[j] += factor * LoadFirst(rows[j] + n, kWidth);
    }
    if (whole < dim) {
      const Vec factor = Load(vector + whole);
      for (int j = 0; j < kSteps; ++j) sums[j] += factor * LoadFirst(rows[j] + whole, dim - whole);
    }
    for (int j = 0; j < count; ++j) to[t + j] = Sum(sums[j]);
  });
}

// Adds up the valid steps, each times its factor, to `sums` as wide as whole vectors.
template <class Element>
void AddUp(const Sequence<Element>& sequence, const float* factors, float* sums) {
  const int dim = sequence.dim;
  std::fill_n(sums, RoundUp(dim, kWidth), 0.0f);
  EachRun(sequence, [&](int t, int count) {
    const Element* rows[kSteps];
    float factor[kSteps];
    for (int j = 0; j < kSteps; ++j) {
      rows[j] = sequence.steps + static_cast<long>(t + std::min(j, count - 1)) * dim;
      factor[j] = j < count ? factors[t + j] : 0.0f;
    }
    auto add = [&](int n, int width) {
      Vec sum = Load(sums + n);
      for (int j = 0; j < kSteps; ++j) sum += factor[j] * LoadFirst(rows[j] + n, width);
      Store(sums + n, sum);
    };
    const int whole = dim / kWidth * kWidth;
    for (int n = 0; n < whole; n += kWidth) add(n, kWidth);
    if (whole < dim) add(whole, dim - whole);
  });
}

// Weights steps by softmax(vector . step), zero where they are not valid, and pools them.
template <class Element>
void Attend(const Sequence<Element>& sequence, const float* vector, float* weights, float* pooled) {
  std::fill_n(weights, sequence.time, 0.0f);
  Products(sequence, vector, weights);
  float largest = -INFINITY, total = 0;
  for (int t = 0; t < sequence.time; ++t) {
    if (sequence.mask[t]) largest = std::max(largest, weights[t]);
  }
  for (int t = 0; t < sequence.time; ++t) {
    if (sequence.mask[t]) total += weights[t] = std::exp(weights[t] - largest);
  }
  for (int t = 0; t < sequence.time; ++t) {
    if (sequence.mask[t]) weights[t] /= total;
  }
  AddUp(sequence, weights, pooled);
}

// Computes the gradients of the scores and of the vector.
//
// d_pooled: `(dim)` filled up with zeros; d_weights: `(time)`; d_scores: room for `(time)`.
template <class Element>
void AttendBack(const Sequence<Element>& sequence, const float* weights, const float* d_pooled,
                const float* d_weights, float* d_scores, float* d_vector) {
  std::fill_n(d_scores, sequence.time, 0.0f);
  Products(sequence, d_pooled, d_scores);
  float mean = 0;
  for (int t = 0; t < sequence.time; ++t) {
    d_scores[t] = weights[t] * (d_scores[t] + d_weights[t]);
    mean += d_scores[t];
  }
  for (int t = 0; t < sequence.time; ++t) d_scores[t] -= weights[t] * mean;
  AddUp(sequence, d_scores, d_vector);
}

}  // namespace amh

#endif  // AMH_TF_ATTENTION_H_
