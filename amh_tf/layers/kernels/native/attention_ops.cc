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

  // Calls run(Element, row, memory for two vectors filled up with zeros) for every row.
  template <class Run>
  void EachRow(Run run) const {
    const int wide = RoundUp(dim, kWidth);
    ForEach(threads, batch, [&](int row) {
      Loan memory;
      float* room = (*memory).Take<float>(2 * wide);
      std::fill_n(room, 2 * wide, 0.0f);
      run(row, room, room + wide);
    });
  }
};

void ToFloat(const float* from, int count, float* to) { std::copy_n(from, count, to); }
void ToFloat(const uint16_t* from, int count, float* to) {
  std::transform(from, from + count, to, FromBfloat16);
}
void FromFloat(const float* from, int count, float* to) { std::copy_n(from, count, to); }
void FromFloat(const float* from, int count, uint16_t* to) {
  std::transform(from, from + count, to, ToBfloat16);
}

template <class Element>
void AttendAll(const Call& call, TF_OpKernelContext* context) {
  const Tensor vectors = Input(context, 2);
  Require(vectors.Is({call.batch, call.dim}), "vectors do not fit the sequence");
  const Tensor pooled = Output(context, 0, call.type(), {call.batch, call.dim});
  const Tensor weights = Output(context, 1, TF_FLOAT, {call.batch, call.time});
  call.EachRow([&](int row, float* vector, float* sums) {
    const long at = static_cast<long>(row) * call.dim;
    ToFloat(vectors.data<Element>() + at, call.dim, vector);
    Attend(call.Row<Element>(row), vector,
           weights.data<float>() + static_cast<long>(row) * call.time, sums);
    FromFloat(sums, call.dim, pooled.data<Element>() + at);
  });
}

template <class Element>
void AttendAllBack(const Call& call, TF_OpKernelContext* context) {
  const Tensor weights = Input(context, 2), d_pooled = Input(context, 3);
  const Tensor d_weights = Input(context, 4);
  Require(weights.Is({call.batch, call.time}) && d_weights.Is({call.batch, call.time}) &&
              d_pooled.Is({call.batch, call.dim}),
          "gradients do not fit the sequence");
  const Tensor d_scores = Output(context, 0, TF_FLOAT, {call.batch, call.time});
  const Tensor d_vectors = Output(context, 1, call.type(), {call.batch, call.dim});
  call.EachRow([&](int row, float* vector, float* sums) {
    const long at = static_cast<long>(row) * call.dim, step = static_cast<long>(row) * call.time;
    ToFloat(d_pooled.data<Element>() + at, call.dim, vector);
    AttendBack(call.Row<Element>(row), weights.data<float>() + step, vector,
               d_weights.data<float>() + step, d_scores.data<float>() + step, sums);
    FromFloat(sums, call.dim, d_vectors.data<Element>() + at);
  });
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
            {"pooled: T", "weights: float"}, attributes});
  Register({"AmhAttentionGradient", Create, Guarded<ComputeBack>, Delete,
            {"sequence: T", "mask: bool", "weights: float", "d_pooled: T", "d_weights: float"},
            {"d_scores: float", "d_vector: T"}, attributes});
}

}  // namespace
