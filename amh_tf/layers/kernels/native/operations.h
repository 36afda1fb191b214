// What operations of TensorFlow's C API share: errors, tensors, registration. The API does not
// change between versions.
#ifndef AMH_TF_OPERATIONS_H_
#define AMH_TF_OPERATIONS_H_

#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "memory.h"
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"

namespace amh {

struct Error {
  TF_Code code;
  std::string message;
};

inline void Require(bool holds, const std::string& message) {
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

inline Tensor Input(TF_OpKernelContext* context, int i) {
  Status status;
  TF_Tensor* tensor = nullptr;
  TF_GetInput(context, i, &tensor, status.get());
  status.Check();
  return Tensor(tensor);
}

// Makes an output, in the memory of input `forwarded` where that may be overwritten.
inline Tensor Output(TF_OpKernelContext* context, int i, TF_DataType type, std::vector<int64_t> shape,
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
  if (forwarded < 0) AdviseHugePages(made.data<char>(), count * TF_DataTypeSize(type));
  return made;
}

// Reads an operation's attributes.
class Attributes {
 public:
  explicit Attributes(TF_OpKernelConstruction* construction) : construction_(construction) {}
  bool Flag(const char* name) {
    TF_Bool value = 0;
    TF_OpKernelConstruction_GetAttrBool(construction_, name, &value, status_.get());
    return value != 0;
  }
  float Float(const char* name) {
    float value = 0;
    TF_OpKernelConstruction_GetAttrFloat(construction_, name, &value, status_.get());
    return value;
  }
  int Integer(const char* name) {
    int32_t value = 0;
    TF_OpKernelConstruction_GetAttrInt32(construction_, name, &value, status_.get());
    return value;
  }
  std::string Text(const char* name) {
    int32_t count = 0, size = 0;
    TF_OpKernelConstruction_GetAttrSize(construction_, name, &count, &size, status_.get());
    std::string value(std::max(size, 0), ' ');
    TF_OpKernelConstruction_GetAttrString(construction_, name, &value[0], value.size(),
                                          status_.get());
    return value;
  }
  std::vector<bool> Flags(const char* name) {
    int32_t count = 0, size = 0;
    TF_OpKernelConstruction_GetAttrSize(construction_, name, &count, &size, status_.get());
    std::vector<TF_Bool> values(std::max(count, 0));
    TF_OpKernelConstruction_GetAttrBoolList(construction_, name, values.data(), count,
                                            status_.get());
    return {values.begin(), values.end()};
  }
  std::vector<int> Integers(const char* name) {
    int32_t count = 0, size = 0;
    TF_OpKernelConstruction_GetAttrSize(construction_, name, &count, &size, status_.get());
    std::vector<int32_t> values(std::max(count, 0));
    TF_OpKernelConstruction_GetAttrInt32List(construction_, name, values.data(), count,
                                             status_.get());
    return values;
  }
  // Tells TensorFlow of what went wrong, if anything.
  bool Failed() {
    if (TF_GetCode(status_.get()) == TF_OK) return false;
    TF_OpKernelConstruction_Failure(construction_, status_.get());
    return true;
  }

 private:
  TF_OpKernelConstruction* construction_;
  Status status_;
};

template <void (*compute)(void*, TF_OpKernelContext*)>
void Guarded(void* kernel, TF_OpKernelContext* context) {
  Status status;
  try {
    compute(kernel, context);
    return;
  } catch (const Error& error) {
    TF_SetStatus(status.get(), error.code, error.message.c_str());
  } catch (const std::bad_alloc&) {
    TF_SetStatus(status.get(), TF_RESOURCE_EXHAUSTED, "there is not enough memory");
  } catch (const std::exception& error) {
    TF_SetStatus(status.get(), TF_INTERNAL, error.what());
  }
  TF_OpKernelContext_Failure(context, status.get());
}

inline void UnknownShapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

struct Operation {
  const char* name;
  void* (*create)(TF_OpKernelConstruction*);
  void (*compute)(void*, TF_OpKernelContext*);
  void (*destroy)(void*);
  std::vector<const char*> inputs, outputs, attributes;
};

inline void Register(const Operation& operation) {
  TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder(operation.name);
  for (const char* text : operation.inputs) TF_OpDefinitionBuilderAddInput(builder, text);
  for (const char* text : operation.outputs) TF_OpDefinitionBuilderAddOutput(builder, text);
  for (const char* text : operation.attributes) TF_OpDefinitionBuilderAddAttr(builder, text);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, UnknownShapes);
  Status status;
  TF_RegisterOpDefinition(builder, status.get());
  if (TF_GetCode(status.get()) != TF_OK) return;
  TF_RegisterKernelBuilder(operation.name,
                           TF_NewKernelBuilder(operation.name, "CPU", operation.create,
                                               operation.compute, operation.destroy),
                           status.get());
}

}  // namespace amh

#endif  // AMH_TF_OPERATIONS_H_
