// TensorFlow's operations, through its C API, which does not change between versions.
#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gru.h"
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"

namespace {

using amh::Chunk;
using amh::Inputs;
using amh::Loan;
using amh::Sizes;

struct Attributes {
  bool reset_after = false, backward = false, save = false;
  float rate = 0;
  int threads = 1;
};

struct Error {
  TF_Code code;
  std::string message;
};

void Require(bool holds, const std::string& message) {
  if (!holds) throw Error{TF_INVALID_ARGUMENT, message};
}

class Status {
 public:
  ~Status() { TF_DeleteStatus(status_); }
  TF_Status* get() { return status_; }
  void Check() const {
    if (TF_GetCode(status_) != TF_OK) throw Error{TF_GetCode(status_), TF_Message(status_)};
  }

 private:
  TF_Status* status_ = TF_NewStatus();
};

class Tensor {
 public:
  explicit Tensor(TF_Tensor* tensor) : tensor_(tensor, TF_DeleteTensor) {}
  template <class Element>
  Element* data() const {
    return static_cast<Element*>(TF_TensorData(tensor_.get()));
  }
  TF_DataType type() const { return TF_TensorType(tensor_.get()); }
  int rank() const { return TF_NumDims(tensor_.get()); }
  long size() const { return TF_TensorElementCount(tensor_.get()); }
  int dim(int i) const { return static_cast<int>(TF_Dim(tensor_.get(), i)); }
  bool Is(std::vector<int64_t> shape) const {
    if (rank() != static_cast<int>(shape.size())) return false;
    for (int i = 0; i < rank(); ++i) {
      if (TF_Dim(tensor_.get(), i) != shape[i]) return false;
    }
    return true;
  }

 private:
  std::unique_ptr<TF_Tensor, decltype(&TF_DeleteTensor)> tensor_;
};

Tensor Input(TF_OpKernelContext* context, int i) {
  Status status;
  TF_Tensor* tensor = nullptr;
  TF_GetInput(context, i, &tensor, status.get());
  status.Check();
  return Tensor(tensor);
}

// Makes an output, in the memory of input `forwarded` where that may be overwritten.
Tensor Output(TF_OpKernelContext* context, int i, TF_DataType type, std::vector<int64_t> shape,
              int forwarded = -1) {
  Status status;
  int64_t count = 1;
  for (int64_t length : shape) count *= length;
  TF_Tensor* tensor;
  if (forwarded >= 0) {
    int taken = -1;
    tensor = TF_ForwardInputOrAllocateOutput(context, &forwarded, 1, i, shape.data(),
                                             static_cast<int>(shape.size()), &taken, status.get());
  } else {
    tensor = TF_AllocateOutput(context, i, type, shape.data(), static_cast<int>(shape.size()),
                               count * TF_DataTypeSize(type), status.get());
  }
  status.Check();
  Tensor made(tensor);
  if (forwarded < 0) amh::AdviseHugePages(made.data<char>(), count * TF_DataTypeSize(type));
  return made;
}

template <bool states>
void* Create(TF_OpKernelConstruction* construction) {
  auto attributes = std::make_unique<Attributes>();
  Status status;
  auto flag = [&](const char* name) {
    TF_Bool value = 0;
    TF_OpKernelConstruction_GetAttrBool(construction, name, &value, status.get());
    return value != 0;
  };
  attributes->reset_after = flag("reset_after");
  attributes->backward = flag("backward");
  if (states) attributes->save = flag("save");
  TF_OpKernelConstruction_GetAttrFloat(construction, "rate", &attributes->rate, status.get());
  TF_OpKernelConstruction_GetAttrInt32(construction, "threads", &attributes->threads, status.get());
  if (TF_GetCode(status.get()) != TF_OK) {
    TF_OpKernelConstruction_Failure(construction, status.get());
    return nullptr;
  }
  return attributes.release();
}

void Delete(void* kernel) { delete static_cast<Attributes*>(kernel); }

// What all three operations are given.
struct Call {
  const Attributes& attributes;
  Tensor x, lengths, kernel, recurrent, seed;
  Sizes sizes;
  Inputs inputs;
  std::vector<Chunk> chunks;
  std::vector<long> places;  // of each chunk among what is saved

  Call(void* kernel_attributes, TF_OpKernelContext* context)
      : attributes(*static_cast<Attributes*>(kernel_attributes)),
        x(Input(context, 0)),
        lengths(Input(context, 1)),
        kernel(Input(context, 2)),
        recurrent(Input(context, 3)),
        seed(Input(context, 4)),
        sizes(MakeSizes()),
        inputs{x.type() == TF_FLOAT ? x.data<float>() : nullptr,
               x.type() == TF_FLOAT ? nullptr : x.data<uint16_t>(),
               amh::Dropout(attributes.rate, seed.data<int64_t>()), attributes.backward, sizes} {
    const int32_t* length = lengths.data<int32_t>();
    for (int i = 0; i < sizes.batch; ++i) {
      Require(0 <= length[i] && length[i] <= sizes.time, "a length is outside of its sequence");
    }
    chunks = amh::MakeChunks(length, sizes.batch, std::max(1, attributes.threads));
    places.push_back(0);
    for (const Chunk& chunk : chunks) places.push_back(places.back() + chunk.saved(sizes));
  }

  Sizes MakeSizes() const {
    Require(x.rank() == 3 && kernel.rank() == 2 && recurrent.rank() == 2, "ranks do not fit");
    const Sizes made{x.dim(0), x.dim(1), x.dim(2), recurrent.dim(0), attributes.reset_after};
    Require(lengths.Is({made.batch}) && seed.Is({2}), "shapes of lengths or seed do not fit");
    Require(made.units > 0 && kernel.Is({made.dim, made.columns()}) &&
                recurrent.Is({made.units, made.columns()}),
            "shapes of weights do not fit");
    return made;
  }

  bool is_half() const { return x.type() != TF_FLOAT; }

  // Runs one chunk on each core; `run` takes its number and memory of its own.
  template <class Run>
  void Each(std::vector<Loan>& loans, Run run) const {
    std::vector<std::exception_ptr> failures(chunks.size());
    auto guarded = [&](size_t i) {
      try {
        run(i, *loans[i]);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    };
    std::vector<std::thread> others;
    for (size_t i = 1; i < chunks.size(); ++i) others.emplace_back(guarded, i);
    guarded(0);
    for (std::thread& other : others) other.join();
    for (const std::exception_ptr& failure : failures) {
      if (failure) std::rethrow_exception(failure);
    }
  }

  // Zeros what follows each row's valid steps.
  template <class Element>
  void ClearPadding(Element* sequence, int width) const {
    for (int i = 0; i < sizes.batch; ++i) {
      const long row = static_cast<long>(i) * sizes.time;
      std::fill(sequence + (row + lengths.data<int32_t>()[i]) * width,
                sequence + (row + sizes.time) * width, Element(0));
    }
  }
};

void ComputeStates(void* kernel, TF_OpKernelContext* context) {
  const Call call(kernel, context);
  const Sizes& sizes = call.sizes;
  const Tensor bias = Input(context, 5), inner_bias = Input(context, 6);
  Require(bias.Is({sizes.columns()}) && inner_bias.Is({sizes.units}), "a bias does not fit");
  const Tensor states =
      Output(context, 0, TF_FLOAT, {sizes.batch, sizes.time, sizes.units});
  const Tensor last = Output(context, 1, TF_FLOAT, {sizes.batch, sizes.units});
  const bool save = call.attributes.save;
  const Tensor saved = Output(context, 2, TF_FLOAT, {save ? call.places.back() : 0});
  const amh::Weights weights{call.kernel.data<float>(), call.recurrent.data<float>(),
                             bias.data<float>(), inner_bias.data<float>()};
  call.ClearPadding(states.data<float>(), sizes.units);
  std::fill_n(last.data<float>(), last.size(), 0.0f);
  std::vector<Loan> loans(call.chunks.size());
  call.Each(loans, [&](size_t i, amh::Memory& memory) {
    float* to = save ? saved.data<float>() + call.places[i] : nullptr;
    auto run = call.is_half() ? amh::Forward<amh::Bfloat16> : amh::Forward<amh::Float32>;
    run(call.chunks[i], call.inputs, weights, states.data<float>(), last.data<float>(), to, memory);
  });
}

// Adds a part of the rows and columns of `from` to a weight's gradient.
void AddTo(float* to, int to_stride, const float* from, int from_stride, int rows, int columns) {
  for (int i = 0; i < rows; ++i) {
    for (int n = 0; n < columns; ++n) to[i * to_stride + n] += from[i * from_stride + n];
  }
}

void ComputeGradients(void* kernel, TF_OpKernelContext* context) {
  const Call call(kernel, context);
  const Sizes& sizes = call.sizes;
  // First, as nothing else may hold what is to be overwritten.
  const Tensor gates = Output(context, 0, TF_FLOAT, {call.places.back()}, 6);
  const Tensor states = Input(context, 5), saved = Input(context, 6);
  const Tensor d_states = Input(context, 7), d_last = Input(context, 8);
  Require(states.Is({sizes.batch, sizes.time, sizes.units}) &&
              d_states.Is({sizes.batch, sizes.time, sizes.units}) &&
              d_last.Is({sizes.batch, sizes.units}) && saved.Is({call.places.back()}),
          "shapes of states or their gradients do not fit");
  const Tensor d_kernel = Output(context, 1, TF_FLOAT, {sizes.dim, sizes.columns()});
  const Tensor d_recurrent = Output(context, 2, TF_FLOAT, {sizes.units, sizes.columns()});
  const Tensor d_bias = Output(context, 3, TF_FLOAT, {sizes.columns()});
  const Tensor d_inner_bias = Output(context, 4, TF_FLOAT, {sizes.units});
  const amh::Weights weights{call.kernel.data<float>(), call.recurrent.data<float>(), nullptr,
                             nullptr};
  std::vector<Loan> loans(call.chunks.size());
  std::vector<std::unique_ptr<amh::WeightGradients>> sums(call.chunks.size());
  call.Each(loans, [&](size_t i, amh::Memory& memory) {
    sums[i] = std::make_unique<amh::WeightGradients>(sizes, memory);
    auto run = call.is_half() ? amh::Backward<amh::Bfloat16> : amh::Backward<amh::Float32>;
    run(call.chunks[i], call.inputs, weights, states.data<float>(),
        saved.data<float>() + call.places[i], d_states.data<float>(), d_last.data<float>(),
        gates.data<float>() + call.places[i], *sums[i], memory);
  });

  for (const Tensor* made : {&d_kernel, &d_recurrent, &d_bias, &d_inner_bias}) {
    std::fill_n(made->data<float>(), made->size(), 0.0f);
  }
  const int units = sizes.units, columns = sizes.columns();
  for (const auto& sum : sums) {
    float *to_kernel = d_kernel.data<float>(), *to_recurrent = d_recurrent.data<float>();
    const long inputs_first = static_cast<long>(sum->state_rows) * sum->gates_stride;
    AddTo(to_kernel, columns, sum->gates + inputs_first, sum->gates_stride, sizes.dim, 2 * units);
    AddTo(to_recurrent, columns, sum->gates, sum->gates_stride, units, 2 * units);
    AddTo(to_kernel + 2 * units, columns, sum->candidate, sum->candidate_stride, sizes.dim, units);
    const float* state_candidate =
        sizes.reset_after ? sum->inner
                          : sum->candidate + static_cast<long>(sum->input_rows) *
                                                 sum->candidate_stride;
    AddTo(to_recurrent + 2 * units, columns, state_candidate, sum->candidate_stride, units, units);
    AddTo(d_bias.data<float>(), 0, sum->gates_bias, 0, 1, 2 * units);
    AddTo(d_bias.data<float>() + 2 * units, 0, sum->candidate_bias, 0, 1, units);
    AddTo(d_inner_bias.data<float>(), 0, sum->inner_bias, 0, 1, units);
  }
}

void ComputeInputGradient(void* kernel, TF_OpKernelContext* context) {
  const Call call(kernel, context);
  const Sizes& sizes = call.sizes;
  const Tensor gates = Input(context, 5);
  Require(gates.Is({call.places.back()}), "gates do not fit");
  const Tensor made = Output(context, 0, call.x.type(), {sizes.batch, sizes.time, sizes.dim});
  float* full = call.is_half() ? nullptr : made.data<float>();
  uint16_t* half = call.is_half() ? made.data<uint16_t>() : nullptr;
  if (full) {
    call.ClearPadding(full, sizes.dim);
  } else {
    call.ClearPadding(half, sizes.dim);
  }
  std::vector<Loan> loans(call.chunks.size());
  call.Each(loans, [&](size_t i, amh::Memory& memory) {
    auto run =
        call.is_half() ? amh::InputGradient<amh::Bfloat16> : amh::InputGradient<amh::Float32>;
    run(call.chunks[i], call.inputs, call.kernel.data<float>(),
        gates.data<float>() + call.places[i], full, half, memory);
  });
}

template <void (*compute)(void*, TF_OpKernelContext*)>
void Guarded(void* kernel, TF_OpKernelContext* context) {
  Status status;
  try {
    compute(kernel, context);
    return;
  } catch (const Error& error) {
    TF_SetStatus(status.get(), error.code, error.message.c_str());
  } catch (const std::bad_alloc&) {
    TF_SetStatus(status.get(), TF_RESOURCE_EXHAUSTED, "memory for a recurrence is not there");
  } catch (const std::exception& error) {
    TF_SetStatus(status.get(), TF_INTERNAL, error.what());
  }
  TF_OpKernelContext_Failure(context, status.get());
}

void UnknownShapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

using Compute = void (*)(void*, TF_OpKernelContext*);

template <bool states>
void Register(const char* name, Compute compute, const std::vector<const char*>& inputs,
              const std::vector<const char*>& outputs) {
  TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder(name);
  for (const char* input : {"x: T", "lengths: int32", "kernel: float", "recurrent: float",
                            "seed: int64"}) {
    TF_OpDefinitionBuilderAddInput(builder, input);
  }
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(builder, input);
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(builder, output);
  for (const char* attribute : {"T: {float, bfloat16}", "reset_after: bool", "backward: bool",
                                "rate: float", "threads: int >= 1"}) {
    TF_OpDefinitionBuilderAddAttr(builder, attribute);
  }
  if (states) TF_OpDefinitionBuilderAddAttr(builder, "save: bool");
  TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, UnknownShapes);
  Status status;
  TF_RegisterOpDefinition(builder, status.get());
  if (TF_GetCode(status.get()) != TF_OK) return;
  TF_KernelBuilder* kernel = TF_NewKernelBuilder(name, "CPU", Create<states>, compute, Delete);
  TF_RegisterKernelBuilder(name, kernel, status.get());
}

// TensorFlow calls this when it loads the library.
__attribute__((constructor)) void RegisterAll() {
  Register<true>("AmhGru", Guarded<ComputeStates>, {"bias: float", "inner_bias: float"},
           {"states: float", "last: float", "saved: float"});
  Register<false>("AmhGruGradient", Guarded<ComputeGradients>,
           {"states: float", "saved: float", "d_states: float", "d_last: float"},
           {"gates: float", "d_kernel: float", "d_recurrent: float", "d_bias: float",
            "d_inner_bias: float"});
  Register<false>("AmhGruInputGradient", Guarded<ComputeInputGradient>, {"gates: float"}, {"d_x: T"});
}

}  // namespace
