// TensorFlow's operations for attention over a sequence.
#include <algorithm>
#include <memory>

#include "attention.h"
#include "operations.h"
#include "relay.h"

namespace {

using namespace amh;

struct Settings {
  int threads;
};

void* Create(TF_OpKernelConstruction* construction) {
  Attributes attributes(construction);
  auto settings = std::make_unique<Settings>(Settings{attributes.Integer("threads")});
  return attributes.Failed() ? nullptr : settings.release();
}

void Delete(void* kernel) { delete static_cast<Settings*>(kernel); }

// What both operations are given.
struct Call {
  Tensor sequence, mask;
  int batch, time, dim, threads;

  Call(void* made, TF_OpKernelContext* context)
      : sequence(Input(context, 0)),
        mask(Input(context, 1)),
        threads(std::max(1, static_cast<Settings*>(made)->threads)) {
    Require(sequence.rank() == 3, "a sequence has rank 3");
    batch = sequence.dim(0);
    time = sequence.dim(1);
    dim = sequence.dim(2);
    Require(mask.Is({batch, time}), "the mask does not fit the sequence");
  }

  TF_DataType type() const { return sequence.type(); }

  template <class Element>
  Sequence<Element> Row(int row) const {
    const long first = static_cast<long>(row) * time;
    return {sequence.data<Element>() + first * dim, mask.data<bool>() + first, time, dim};
  }

  // Calls run(row, memory for a vector filled up with zeros, memory for sums) for every row.
  template <class Run>
  void EachRow(Run run) const {
    const int wide = RoundUp(dim, kWidth);
    ForEach(threads, batch, [&](int row) {
      Loan memory;
      float* room = (*memory).Take<float>(2 * wide);
      std::fill_n(room, wide, 0.0f);
      run(row, room, room + wide);
    });
  }
};

template <class Element>
void AttendAll(const Call& call, TF_OpKernelContext* context) {
  const Tensor vectors = Input(context, 2);
  Require(vectors.Is({call.batch, call.dim}), "vectors do not fit the sequence");
  const Tensor pooled = Output(context, 0, TF_FLOAT, {call.batch, call.dim});
  const Tensor weights = Output(context, 1, TF_FLOAT, {call.batch, call.time});
  call.EachRow([&](int row, float* vector, float* sums) {
    const long at = static_cast<long>(row) * call.dim;
    ToFloat(vectors.data<Element>() + at, call.dim, vector);
    Attend(call.Row<Element>(row), vector,
           weights.data<float>() + static_cast<long>(row) * call.time, sums);
    std::copy_n(sums, call.dim, pooled.data<float>() + at);
  });
}

template <class Element>
void AttendAllBack(const Call& call, TF_OpKernelContext* context) {
  const Tensor weights = Input(context, 2), pooled = Input(context, 3);
  const Tensor d_pooled = Input(context, 4), d_weights = Input(context, 5);
  Require(weights.Is({call.batch, call.time}) && d_weights.Is({call.batch, call.time}) &&
              pooled.Is({call.batch, call.dim}) && d_pooled.Is({call.batch, call.dim}),
          "gradients do not fit the sequence");
  const Tensor d_scores = Output(context, 0, TF_FLOAT, {call.batch, call.time});
  const Tensor d_vectors = Output(context, 1, call.type(), {call.batch, call.dim});
  call.EachRow([&](int row, float* vector, float* sums) {
    const long at = static_cast<long>(row) * call.dim, step = static_cast<long>(row) * call.time;
    ToFloat(d_pooled.data<Element>() + at, call.dim, vector);
    AttendBack(call.Row<Element>(row), weights.data<float>() + step,
               pooled.data<float>() + at, vector, d_weights.data<float>() + step,
               d_scores.data<float>() + step, sums);
    FromFloat(sums, call.dim, d_vectors.data<Element>() + at);
  });
}

template <class Element>
void AddOuterProducts(const Tensor& by_step, const Tensor& by_number, int threads,
                      TF_OpKernelContext* context) {
  Require(by_step.rank() == 3 && by_number.rank() == 3, "factors have rank 3");
  const int batch = by_step.dim(0), count = by_step.dim(1), time = by_step.dim(2);
  const int dim = by_number.dim(2), wide = RoundUp(dim, kWidth);
  Require(by_number.Is({batch, count, dim}), "factors by number do not fit those by step");
  const Tensor sums = Output(context, 0, by_step.type(), {batch, time, dim});
  ForEach(threads, batch, [&](int row) {
    Loan memory;
    const long steps = static_cast<long>(count) * time;
    float* left = (*memory).Take<float>(steps);
    ToFloat(by_step.data<Element>() + row * steps, steps, left);
    float* right = (*memory).Take<float>(static_cast<long>(count) * wide);
    for (int k = 0; k < count; ++k) {
      ToFloat(by_number.data<Element>() + (static_cast<long>(row) * count + k) * dim, dim,
              right + k * wide);
      std::fill(right + k * wide + dim, right + (k + 1) * wide, 0.0f);
    }
    Element* to = sums.data<Element>() + static_cast<long>(row) * time * dim;
    OuterProducts(count, time, dim, left, right, [&](int t, int n, Vec value, int width) {
      StoreNumbers(to + static_cast<long>(t) * dim + n, value, width);
    });
  });
}

void ComputeOuterProducts(void* made, TF_OpKernelContext* context) {
  const Tensor by_step = Input(context, 0), by_number = Input(context, 1);
  const int threads = std::max(1, static_cast<Settings*>(made)->threads);
  const bool full = by_step.type() == TF_FLOAT;
  (full ? AddOuterProducts<float> : AddOuterProducts<uint16_t>)(by_step, by_number, threads,
                                                                context);
}

void Compute(void* made, TF_OpKernelContext* context) {
  const Call call(made, context);
  (call.type() == TF_FLOAT ? AttendAll<float> : AttendAll<uint16_t>)(call, context);
}

void ComputeBack(void* made, TF_OpKernelContext* context) {
  const Call call(made, context);
  (call.type() == TF_FLOAT ? AttendAllBack<float> : AttendAllBack<uint16_t>)(call, context);
}

// TensorFlow calls this when it loads the library.
__attribute__((constructor)) void RegisterAll() {
  const std::vector<const char*> attributes = {"T: {float, bfloat16}", "threads: int >= 1"};
  Register({"AmhAttention", Create, Guarded<Compute>, Delete,
            {"sequence: T", "mask: bool", "vector: T"},
            {"pooled: float", "weights: float"}, attributes});
  Register({"AmhAttentionGradient", Create, Guarded<ComputeBack>, Delete,
            {"sequence: T", "mask: bool", "weights: float", "pooled: float", "d_pooled: T",
             "d_weights: float"},
            {"d_scores: float", "d_vector: T"}, attributes});
  Register({"AmhOuterProducts", Create, Guarded<ComputeOuterProducts>, Delete,
            {"by_step: T", "by_number: T"}, {"sums: T"}, attributes});
}

}  // namespace
