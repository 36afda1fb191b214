// Attention of one vector over a sequence, which is read from memory once.
#ifndef AMH_TF_ATTENTION_H_
#define AMH_TF_ATTENTION_H_

#include <algorithm>
#include <cmath>

#include "memory.h"
#include "vectors.h"

namespace amh {

inline Vec LoadFirst(const uint16_t* from, int count) {
  const Halves halves = LoadFirstHalves(from, count);
  return reinterpret_cast<Vec>(__builtin_convertvector(halves, IntVec) << 16);
}

// A sequence of `time` steps of `dim` numbers, float or bfloat16, and which of them are valid.
template <class Element>
struct Sequence {
  const Element* steps;
  const bool* mask;
  int time, dim;
};

constexpr int kSteps = 16;  // that are computed while they are in the innermost cache

// Valid steps; rows that are not there are the last one again.
template <class Element>
struct Block {
  const Element* rows[kSteps];
  int steps[kSteps];
  int count = 0;
};

// Calls use(block) for all valid steps in turn.
template <class Element, class Use>
void EachBlock(const Sequence<Element>& sequence, Use use) {
  Block<Element> block;
  for (int t = 0; t < sequence.time; ++t) {
    if (!sequence.mask[t]) continue;
    block.rows[block.count] = sequence.steps + static_cast<long>(t) * sequence.dim;
    block.steps[block.count++] = t;
    if (block.count < kSteps) continue;
    use(block);
    block.count = 0;
  }
  if (block.count == 0) return;
  std::fill(block.rows + block.count, block.rows + kSteps, block.rows[block.count - 1]);
  use(block);
}

// Writes each step's product with a vector, `(dim)` filled up with zeros to whole vectors.
template <class Element>
void Products(const Block<Element>& block, int dim, const float* vector, float* to) {
  constexpr int kTogether = 8;  // sums that do not wait for each other
  const int whole = dim / kWidth * kWidth;
  for (int first = 0; first < kSteps; first += kTogether) {
    const Element* const* rows = block.rows + first;
    Vec sums[kTogether] = {};
    for (int n = 0; n < whole; n += kWidth) {
      const Vec factor = Load(vector + n);
      for (int j = 0; j < kTogether; ++j) {
        // Of the next block: the processor alone does not fetch far enough ahead.
        __builtin_prefetch(rows[j] + static_cast<long>(kSteps) * dim + n);
        sums[j] += factor * LoadFirst(rows[j] + n, kWidth);
      }
    }
    if (whole < dim) {
      const Vec factor = Load(vector + whole);
      for (int j = 0; j < kTogether; ++j) {
        sums[j] += factor * LoadFirst(rows[j] + whole, dim - whole);
      }
    }
    for (int j = 0; j < kTogether; ++j) to[first + j] = Sum(sums[j]);
  }
}

// Adds steps, each times its factor, to `sums` as wide as whole vectors. Rows that are not there
// have a factor of zero.
template <class Element>
void AddUp(const Block<Element>& block, int dim, const float* factors, float* sums) {
  auto add = [&](int n, int width) {
    Vec sum = Load(sums + n);
    for (int j = 0; j < kSteps; ++j) sum += factors[j] * LoadFirst(block.rows[j] + n, width);
    Store(sums + n, sum);
  };
  const int whole = dim / kWidth * kWidth;
  for (int n = 0; n < whole; n += kWidth) add(n, kWidth);
  if (whole < dim) add(whole, dim - whole);
}

// Weights steps by softmax(vector . step), zero where they are not valid, and pools them: in one
// pass, in which what is added up is scaled down whenever a larger product comes.
template <class Element>
void Attend(const Sequence<Element>& sequence, const float* vector, float* weights, float* pooled) {
  const int dim = sequence.dim, wide = RoundUp(dim, kWidth);
  auto scale = [&](float factor) {
    for (int n = 0; n < wide; n += kWidth) Store(pooled + n, Load(pooled + n) * factor);
  };
  std::fill_n(weights, sequence.time, 0.0f);
  std::fill_n(pooled, wide, 0.0f);
  float largest = -INFINITY, total = 0;
  EachBlock(sequence, [&](const Block<Element>& block) {
    float products[kSteps];
    Products(block, dim, vector, products);
    const float before = largest;
    for (int j = 0; j < block.count; ++j) {
      weights[block.steps[j]] = products[j];
      largest = std::max(largest, products[j]);
    }
    if (largest > before) {
      const float factor = std::exp(before - largest);
      total *= factor;
      scale(factor);
    }
    for (int n = 0; n < kSteps; n += kWidth) {
      Store(products + n, Exp(Load(products + n) - largest));
    }
    std::fill(products + block.count, products + kSteps, 0.0f);
    for (int j = 0; j < block.count; ++j) total += products[j];
    AddUp(block, dim, products, pooled);
  });
  for (int t = 0; t < sequence.time; t += kWidth) {
    const int count = std::min(kWidth, sequence.time - t);
    const Vec made = Exp(LoadFirst(weights + t, count) - largest) / total;
    for (int n = 0; n < count; ++n) weights[t + n] = sequence.mask[t + n] ? made[n] : 0.0f;
  }
  if (largest > -INFINITY) scale(1.0f / total);
}

inline float Product(const float* left, const float* right, int count) {
  Vec sum{};
  for (int n = 0; n < count; n += kWidth) {
    sum += LoadFirst(left + n, count - n) * LoadFirst(right + n, count - n);
  }
  return Sum(sum);
}

// Computes the gradients of the scores and of the vector, in one pass.
//
// weights, pooled: what Attend wrote; d_pooled: `(dim)` filled up with zeros; d_weights: `(time)`;
// d_scores: room for `(time)`; d_vector: room for whole vectors.
template <class Element>
void AttendBack(const Sequence<Element>& sequence, const float* weights, const float* pooled,
                const float* d_pooled, const float* d_weights, float* d_scores, float* d_vector) {
  const int dim = sequence.dim;
  std::fill_n(d_scores, sequence.time, 0.0f);
  std::fill_n(d_vector, RoundUp(dim, kWidth), 0.0f);
  // The mean of the weights' gradients follows from what was pooled, but for rounding: what that
  // leaves is added up too.
  const float mean = Product(d_pooled, pooled, dim) + Product(weights, d_weights, sequence.time);
  float rest = 0;
  EachBlock(sequence, [&](const Block<Element>& block) {
    float products[kSteps];
    Products(block, dim, d_pooled, products);
    for (int j = 0; j < block.count; ++j) {
      const int t = block.steps[j];
      d_scores[t] = products[j] + d_weights[t] - mean;
      products[j] = weights[t] * d_scores[t];
      rest += products[j];
    }
    std::fill(products + block.count, products + kSteps, 0.0f);
    AddUp(block, dim, products, d_vector);
  });
  for (int t = 0; t < sequence.time; ++t) d_scores[t] = weights[t] * (d_scores[t] - rest);
  for (int n = 0; n < dim; ++n) d_vector[n] -= rest * pooled[n];
}

// Writes the sum of `count` outer products of factors by step and by number, a step at a time.
//
// by_step: (count, time); by_number: (count, dim), each row as wide as whole vectors.
template <class Store>
void OuterProducts(int count, int time, int dim, const float* by_step, const float* by_number,
                   Store store) {
  constexpr int kTogether = 4;  // steps
  const int wide = RoundUp(dim, kWidth);
  for (int t = 0; t < time; t += kTogether) {
    for (int n = 0; n < dim; n += kWidth) {
      Vec sums[kTogether] = {};
      for (int k = 0; k < count; ++k) {
        const Vec factor = Load(by_number + k * wide + n);
        const float* steps = by_step + static_cast<long>(k) * time;
        for (int j = 0; j < kTogether; ++j) sums[j] += steps[std::min(t + j, time - 1)] * factor;
      }
      for (int j = 0; j < std::min(kTogether, time - t); ++j) {
        store(t + j, n, sums[j], std::min(kWidth, dim - n));
      }
    }
  }
}

}  // namespace amh

#endif  // AMH_TF_ATTENTION_H_
