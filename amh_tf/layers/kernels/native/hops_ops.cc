// TensorFlow's operations for a schedule of hops.
#include <memory>

#include "hops.h"
#include "operations.h"
#include "relay.h"

namespace {

using namespace amh;

struct Settings {
  int threads, sequences, hops;
  std::vector<int> targets;
};

void* Create(TF_OpKernelConstruction* construction) {
  Attributes attributes(construction);
  auto settings = std::make_unique<Settings>(
      Settings{attributes.Integer("threads"), attributes.Integer("M"), attributes.Integer("N"),
               attributes.Integers("targets")});
  return attributes.Failed() ? nullptr : settings.release();
}

void Delete(void* kernel) { delete static_cast<Settings*>(kernel); }

// Reads inputs, and makes outputs, one after the other.
class Call {
 public:
  Call(void* made, TF_OpKernelContext* context)
      : settings_(*static_cast<Settings*>(made)), context_(context) {
    Require(settings_.sequences == 2 || settings_.sequences == 3, "there are two or three sequences");
    Require(static_cast<int>(settings_.targets.size()) == settings_.hops,
            "there is a target for each hop");
  }

  int threads() const { return std::max(1, settings_.threads); }
  int sequences() const { return settings_.sequences; }

  // The next `count` inputs.
  const Tensor* Take(int count) {
    const size_t first = held_.size();
    for (int i = 0; i < count; ++i) held_.push_back(Input(context_, static_cast<int>(held_.size())));
    return held_.data() + first;
  }

  Tensor Make(TF_DataType type, std::vector<int64_t> shape) {
    return Output(context_, outputs_++, type, shape);
  }

  // Reads the sequences and masks, which come next, and how each hop goes.
  HopSizes ReadSequences() {
    HopSizes sizes{0, {}, {}, {}};
    const int first = static_cast<int>(held_.size());
    Take(2 * sequences());
    for (int s = 0; s < sequences(); ++s) {
      const Tensor &sequence = held_[first + s], &mask = held_[first + sequences() + s];
      Require(sequence.rank() == 3, "a sequence has rank 3");
      if (s == 0) sizes.batch = sequence.dim(0);
      sizes.times.push_back(sequence.dim(1));
      sizes.dims.push_back(sequence.dim(2));
      Require(sequence.dim(0) == sizes.batch && mask.Is({sizes.batch, sizes.times[s]}),
              "sequences and masks do not fit each other");
    }
    for (int target : settings_.targets) {
      Require(target >= 0 && target < sequences(), "there is no sequence for a hop");
      Hop hop{target, {}};
      for (int s = 0; s < sequences(); ++s) {
        if (s != target) hop.others.push_back(s);
      }
      sizes.hops.push_back(hop);
    }
    return sizes;
  }

  // Room for all inputs, so that none moves.
  void Reserve(int count) { held_.reserve(count); }

 private:
  const Settings& settings_;
  TF_OpKernelContext* context_;
  std::vector<Tensor> held_;
  int outputs_ = 0;
};

template <class Element>
std::vector<const Element*> Data(const Tensor* tensors, int count) {
  std::vector<const Element*> data;
  for (int i = 0; i < count; ++i) data.push_back(tensors[i].data<Element>());
  return data;
}

template <class Element>
void Compute(Call& call, TF_DataType type, int hop_count) {
  const int m = call.sequences();
  call.Reserve(3 * m + 2 * hop_count);
  const Tensor* vectors = call.Take(m);
  const Tensor* states = vectors + m;
  Sequences<Element> sequences{call.ReadSequences(), {}, {}};
  const HopSizes& sizes = sequences.sizes;
  sequences.steps = Data<Element>(states, m);
  sequences.masks = Data<bool>(states + m, m);
  const Tensor* kernels = call.Take(hop_count);
  const Tensor* biases = call.Take(hop_count);
  for (int s = 0; s < m; ++s) {
    Require(vectors[s].Is({sizes.batch, sizes.dims[s]}), "vectors do not fit their sequence");
  }
  for (int hop = 0; hop < hop_count; ++hop) {
    const int dim = sizes.dims[sizes.hops[hop].target];
    Require(kernels[hop].Is({sizes.query(hop), dim}) && biases[hop].Is({dim}),
            "weights do not fit their hop");
  }
  std::vector<Tensor> pooled, weights, projected;
  Hopped<Element> made;
  auto make = [&](std::vector<Tensor>& to, auto& data, TF_DataType kind, const std::vector<int>& by) {
    for (const Hop& hop : sizes.hops) {
      to.push_back(call.Make(kind, {sizes.batch, by[hop.target]}));
      using Pointer = typename std::remove_reference_t<decltype(data)>::value_type;
      data.push_back(to.back().data<std::remove_pointer_t<Pointer>>());
    }
  };
  make(pooled, made.pooled, TF_FLOAT, sizes.dims);
  make(weights, made.weights, TF_FLOAT, sizes.times);
  make(projected, made.projected, type, sizes.dims);

  std::vector<Loan> memories(hop_count);
  std::vector<QueryWeights> laid_out(hop_count);
  ForEach(call.threads(), hop_count, [&](int hop) {
    laid_out[hop] = LayOutQuery(sizes, hop, kernels[hop].data<Element>(),
                                biases[hop].data<Element>(), *memories[hop]);
  });
  const auto before = Data<Element>(vectors, m);
  ForEach(call.threads(), (sizes.batch + kRows - 1) / kRows, [&](int group) {
    Loan memory;
    const int first = group * kRows;
    RunHops(sequences, before, laid_out, first, std::min(kRows, sizes.batch - first), made,
            *memory);
  });
}

template <class Element>
void ComputeBack(Call& call, TF_DataType type, int hop_count) {
  const int m = call.sequences();
  call.Reserve(3 * m + 5 * hop_count);
  Sequences<Element> sequences{call.ReadSequences(), {}, {}};
  const HopSizes& sizes = sequences.sizes;
  const Tensor* kernels = call.Take(hop_count);
  const Tensor *states = kernels - 2 * m, *masks = kernels - m;
  sequences.steps = Data<Element>(states, m);
  sequences.masks = Data<bool>(masks, m);
  const Tensor *pooled = call.Take(hop_count), *weights = call.Take(hop_count);
  const Tensor *projected = call.Take(hop_count), *d_vectors = call.Take(m);
  const Tensor* d_weights = call.Take(hop_count);
  for (int hop = 0; hop < hop_count; ++hop) {
    const int target = sizes.hops[hop].target;
    const int dim = sizes.dims[target], time = sizes.times[target], batch = sizes.batch;
    Require(kernels[hop].Is({sizes.query(hop), dim}) && pooled[hop].Is({batch, dim}) &&
                weights[hop].Is({batch, time}) && projected[hop].Is({batch, dim}) &&
                d_weights[hop].Is({batch, time}),
            "what a hop computed does not fit it");
  }
  for (int s = 0; s < m; ++s) {
    Require(d_vectors[s].Is({sizes.batch, sizes.dims[s]}), "gradients do not fit their sequence");
  }
  const HopsGiven<Element> given{Data<float>(pooled, hop_count), Data<float>(weights, hop_count),
                                 Data<Element>(projected, hop_count), Data<Element>(d_vectors, m),
                                 Data<float>(d_weights, hop_count)};
  std::vector<Tensor> outputs;
  HopGradients<Element> made;
  auto make = [&](std::vector<Element*>& data, std::vector<int64_t> shape) {
    outputs.push_back(call.Make(type, shape));
    data.push_back(outputs.back().data<Element>());
  };
  const long batch = sizes.batch;
  for (const Hop& hop : sizes.hops) make(made.projected, {batch, sizes.dims[hop.target]});
  for (int dim : sizes.dims) make(made.vectors, {batch, dim});
  for (int s = 0; s < m; ++s) make(made.sequences, {batch, sizes.times[s], sizes.dims[s]});

  std::vector<Loan> memories(hop_count);
  std::vector<QueryWeightsBack> laid_out(hop_count);
  ForEach(call.threads(), hop_count, [&](int hop) {
    laid_out[hop] =
        LayOutQueryBack(sizes, hop, kernels[hop].data<Element>(), *memories[hop]);
  });
  ForEach(call.threads(), (sizes.batch + kRows - 1) / kRows, [&](int group) {
    Loan memory;
    const int first = group * kRows;
    RunHopsBack(sequences, given, laid_out, first, std::min(kRows, sizes.batch - first), made,
                *memory);
  });
}

template <void (*full)(Call&, TF_DataType, int), void (*half)(Call&, TF_DataType, int)>
void ByType(void* made, TF_OpKernelContext* context) {
  Call call(made, context);
  const TF_DataType type = Input(context, 0).type();
  (type == TF_FLOAT ? full : half)(call, type, static_cast<Settings*>(made)->hops);
}

// TensorFlow calls this when it loads the library.
__attribute__((constructor)) void RegisterAll() {
  const std::vector<const char*> attributes = {"T: {float, bfloat16}", "M: int >= 2",
                                               "N: int >= 1", "targets: list(int)",
                                               "threads: int >= 1"};
  Register({"AmhHops", Create, Guarded<ByType<Compute<float>, Compute<uint16_t>>>, Delete,
            {"vectors: M * T", "sequences: M * T", "masks: M * bool", "kernels: N * T",
             "biases: N * T"},
            {"pooled: N * float", "weights: N * float", "projected: N * T"}, attributes});
  Register({"AmhHopsGradient", Create,
            Guarded<ByType<ComputeBack<float>, ComputeBack<uint16_t>>>, Delete,
            {"sequences: M * T", "masks: M * bool", "kernels: N * T", "pooled: N * float",
             "weights: N * float", "projected: N * T", "d_vectors: M * T",
             "d_weights: N * float"},
            {"d_projected: N * T", "d_before: M * T", "d_sequences: M * T"}, attributes});
}

}  // namespace
