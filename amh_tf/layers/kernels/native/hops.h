// Hops from sequence to sequence, for a few rows of a batch at a time: their sequences stay in the
// cache from one hop to the next, where a whole batch's would be read from memory at every hop.
#ifndef AMH_TF_HOPS_H_
#define AMH_TF_HOPS_H_

#include <algorithm>
#include <vector>

#include "attention.h"
#include "memory.h"
#include "products.h"

namespace amh {

// A hop renews the vector of the sequence that it attends to, given the others' vectors, which its
// query joins in this order: one or two of them.
struct Hop {
  int target;
  std::vector<int> others;
};

struct HopSizes {
  int batch;
  std::vector<int> times, dims;  // of each sequence
  std::vector<Hop> hops;

  int wide(int sequence) const { return RoundUp(dims[sequence], kWidth); }
  int query(int hop) const {
    int total = 0;
    for (int other : hops[hop].others) total += dims[other];
    return total;
  }
  int attentions(int sequence) const {
    return static_cast<int>(std::count_if(
        hops.begin(), hops.end(), [&](const Hop& hop) { return hop.target == sequence; }));
  }
};

// Sequences `(batch, time, dim)`, float or bfloat16, and which of their steps are valid.
template <class Element>
struct Sequences {
  HopSizes sizes;
  std::vector<const Element*> steps;
  std::vector<const bool*> masks;

  Sequence<Element> Row(int sequence, int row) const {
    const int time = sizes.times[sequence], dim = sizes.dims[sequence];
    const long first = static_cast<long>(row) * time;
    return {steps[sequence] + first * dim, masks[sequence] + first, time, dim};
  }
};

// A hop's weights `(query, dim)` as its product reads them, and the bias filled up with zeros.
struct QueryWeights {
  const float *laid_out, *bias;
};

// The same for the product back, in a part for each of the query's vectors.
struct QueryWeightsBack {
  std::vector<const float*> laid_out;
};

inline float* TakeVectors(int count, int wide, Memory& memory) {
  float* room = memory.Take<float>(static_cast<size_t>(count) * wide);
  std::fill_n(room, static_cast<size_t>(count) * wide, 0.0f);
  return room;
}

template <class Element>
QueryWeights LayOutQuery(const HopSizes& sizes, int hop, const Element* kernel,
                         const Element* bias, Memory& memory) {
  const int target = sizes.hops[hop].target, dim = sizes.dims[target], rows = sizes.query(hop);
  float* full = memory.Take<float>(static_cast<size_t>(rows) * dim);
  ToFloat(kernel, static_cast<long>(rows) * dim, full);
  float* laid_out = memory.Take<float>(LaidOutSize<Float32>({rows}, dim));
  LayOut<Float32>({Source{full, dim, 1, rows}}, dim, laid_out);
  float* wide = TakeVectors(1, sizes.wide(target), memory);
  ToFloat(bias, dim, wide);
  return {laid_out, wide};
}

template <class Element>
QueryWeightsBack LayOutQueryBack(const HopSizes& sizes, int hop, const Element* kernel,
                                 Memory& memory) {
  const int dim = sizes.dims[sizes.hops[hop].target], rows = sizes.query(hop);
  float* full = memory.Take<float>(static_cast<size_t>(rows) * dim);
  ToFloat(kernel, static_cast<long>(rows) * dim, full);
  QueryWeightsBack made;
  for (int other : sizes.hops[hop].others) {
    float* laid_out = memory.Take<float>(LaidOutSize<Float32>({dim}, sizes.dims[other]));
    LayOut<Float32>({Source{full, 1, dim, dim}}, sizes.dims[other], laid_out);
    made.laid_out.push_back(laid_out);
    full += static_cast<size_t>(sizes.dims[other]) * dim;
  }
  return made;
}

// What hops write, each for the whole batch: pooled sequences `(batch, dim)`, weights
// `(batch, time)`, and queries after the product `(batch, dim)`.
template <class Element>
struct Hopped {
  std::vector<float*> pooled, weights;
  std::vector<Element*> projected;
};

// Reads some rows of each sequence's vectors, for kRows rows filled up with zeros.
template <class Element>
std::vector<float*> ReadVectors(const HopSizes& sizes, const std::vector<const Element*>& vectors,
                                int first, int count, Memory& memory) {
  std::vector<float*> read;
  for (size_t s = 0; s < vectors.size(); ++s) {
    const int dim = sizes.dims[s], wide = sizes.wide(s);
    read.push_back(TakeVectors(kRows, wide, memory));
    for (int i = 0; i < count; ++i) {
      ToFloat(vectors[s] + static_cast<long>(first + i) * dim, dim, read.back() + i * wide);
    }
  }
  return read;
}

// Makes floats as precise as they are between operations of TensorFlow.
template <class Element>
void Round(float* values, int count) {
  if constexpr (sizeof(Element) < sizeof(float)) {
    for (int n = 0; n < count; ++n) values[n] = FromBfloat16(ToBfloat16(values[n]));
  }
}

// Computes all hops of `count` rows from `first` on, kRows at most.
//
// vectors: each sequence's before the hops, `(batch, dim)`.
template <class Element>
void RunHops(const Sequences<Element>& sequences, const std::vector<const Element*>& vectors,
             const std::vector<QueryWeights>& weights, int first, int count,
             const Hopped<Element>& made, Memory& memory) {
  const HopSizes& sizes = sequences.sizes;
  const std::vector<float*> now = ReadVectors(sizes, vectors, first, count, memory);
  for (size_t hop = 0; hop < sizes.hops.size(); ++hop) {
    const int target = sizes.hops[hop].target;
    const int dim = sizes.dims[target], time = sizes.times[target], wide = sizes.wide(target);
    float* projected = memory.Take<float>(kRows * wide);
    Part<Float32> parts[2] = {{now[target], wide, 0}, {now[target], wide, 0}};
    for (size_t p = 0; p < sizes.hops[hop].others.size(); ++p) {
      const int other = sizes.hops[hop].others[p];
      parts[p] = {now[other], sizes.wide(other), sizes.dims[other]};
    }
    Multiply<Float32>(kRows, parts[0], parts[1], weights[hop].laid_out, dim, weights[hop].bias,
                      [&](int i, int n, Vec sum) { Store(projected + i * wide + n, sum); });
    for (int i = 0; i < count; ++i) {
      const long row = first + i;
      Round<Element>(projected + i * wide, dim);
      FromFloat(projected + i * wide, dim, made.projected[hop] + row * dim);
      float* sums = now[target] + i * wide;
      Attend(sequences.Row(target, first + i), projected + i * wide,
             made.weights[hop] + row * time, sums);
      std::copy_n(sums, dim, made.pooled[hop] + row * dim);
      Round<Element>(sums, dim);
    }
  }
}

// What RunHops wrote, and the gradients of what it wrote and of the last vectors.
template <class Element>
struct HopsGiven {
  std::vector<const float*> pooled, weights;
  std::vector<const Element*> projected, d_vectors;
  std::vector<const float*> d_weights;
};

// Gradients: of queries after the product, of the vectors before the hops, of the sequences.
template <class Element>
struct HopGradients {
  std::vector<Element*> projected, vectors, sequences;
};

// Factors of a sequence's gradient, a sum of two outer products for each attention over it.
struct Factors {
  float *by_step, *by_number;  // (2 attentions, time), (2 attentions, wide), for each row
  int count = 0;
};

// Computes all hops' gradients for `count` rows from `first` on, kRows at most.
template <class Element>
void RunHopsBack(const Sequences<Element>& sequences, const HopsGiven<Element>& given,
                 const std::vector<QueryWeightsBack>& weights, int first, int count,
                 const HopGradients<Element>& made, Memory& memory) {
  const HopSizes& sizes = sequences.sizes;
  const std::vector<float*> d_now = ReadVectors(sizes, given.d_vectors, first, count, memory);
  const int sequence_count = static_cast<int>(sizes.dims.size());
  std::vector<Factors> factors(sequence_count);
  for (int s = 0; s < sequence_count; ++s) {
    const size_t places = static_cast<size_t>(count) * 2 * sizes.attentions(s);
    factors[s].by_step = memory.Take<float>(places * sizes.times[s]);
    factors[s].by_number = TakeVectors(static_cast<int>(places), sizes.wide(s), memory);
  }
  for (int hop = static_cast<int>(sizes.hops.size()) - 1; hop >= 0; --hop) {
    const int target = sizes.hops[hop].target;
    const int dim = sizes.dims[target], time = sizes.times[target], wide = sizes.wide(target);
    const int products = 2 * sizes.attentions(target);
    Factors& kept = factors[target];
    float* d_projected = TakeVectors(kRows, wide, memory);
    for (int i = 0; i < count; ++i) {
      const long row = first + i;
      const long place = static_cast<long>(i) * products + kept.count;
      float *by_step = kept.by_step + place * time, *by_number = kept.by_number + place * wide;
      float *d_pooled = d_now[target] + i * wide, *d_scores = by_step + time;
      const float* weight = given.weights[hop] + row * time;
      AttendBack(sequences.Row(target, first + i), weight, given.pooled[hop] + row * dim, d_pooled,
                 given.d_weights[hop] + row * time, d_scores, d_projected + i * wide);
      std::copy_n(weight, time, by_step);
      std::copy_n(d_pooled, dim, by_number);
      ToFloat(given.projected[hop] + row * dim, dim, by_number + wide);
      FromFloat(d_projected + i * wide, dim, made.projected[hop] + row * dim);
      // The vector that this hop replaced.
      std::fill_n(d_pooled, dim, 0.0f);
    }
    kept.count += 2;
    const Part<Float32> left{d_projected, wide, dim}, none{d_projected, wide, 0};
    for (size_t p = 0; p < sizes.hops[hop].others.size(); ++p) {
      const int other = sizes.hops[hop].others[p], stride = sizes.wide(other);
      Multiply<Float32>(kRows, left, none, weights[hop].laid_out[p], sizes.dims[other], nullptr,
                        [&](int i, int n, Vec sum) {
                          float* to = d_now[other] + i * stride + n;
                          Store(to, Load(to) + sum);
                        });
    }
  }
  for (int s = 0; s < sequence_count; ++s) {
    const int dim = sizes.dims[s], time = sizes.times[s], wide = sizes.wide(s);
    const int products = factors[s].count;
    for (int i = 0; i < count; ++i) {
      const long row = first + i, place = static_cast<long>(i) * products;
      FromFloat(d_now[s] + i * wide, dim, made.vectors[s] + row * dim);
      Element* to = made.sequences[s] + row * time * dim;
      OuterProducts(products, time, dim, factors[s].by_step + place * time,
                    factors[s].by_number + place * wide, [&](int t, int n, Vec value, int width) {
                      StoreNumbers(to + static_cast<long>(t) * dim + n, value, width);
                    });
    }
  }
}

}  // namespace amh

#endif  // AMH_TF_HOPS_H_
