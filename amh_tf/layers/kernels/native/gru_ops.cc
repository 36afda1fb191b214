// TensorFlow's operations for a GRU.
#include <algorithm>
#include <memory>
#include <vector>

#include "gru_backward.h"
#include "gru_forward.h"
#include "gru_input_gradient.h"
#include "operations.h"
#include "relay.h"

namespace {

using namespace amh;

struct Settings {
  bool reset_after, backward, save;
  float rate;
  int threads;
};

// saves: whether the operation has the attribute `save`.
template <bool saves>
void* Create(TF_OpKernelConstruction* construction) {
  Attributes attributes(construction);
  auto settings = std::make_unique<Settings>(Settings{
      attributes.Flag("reset_after"), attributes.Flag("backward"),
      saves && attributes.Flag("save"), attributes.Float("rate"), attributes.Integer("threads")});
  return attributes.Failed() ? nullptr : settings.release();
}

void Delete(void* kernel) { delete static_cast<Settings*>(kernel); }

// What all three operations are given.
struct Call {
  const Settings& settings;
  Tensor x, lengths, kernel, recurrent, seed;
  Sizes sizes;
  Inputs inputs;
  std::vector<Chunk> chunks;
  std::vector<long> places;  // of each chunk among what is saved

  Call(void* made, TF_OpKernelContext* context)
      : settings(*static_cast<Settings*>(made)),
        x(Input(context, 0)),
        lengths(Input(context, 1)),
        kernel(Input(context, 2)),
        recurrent(Input(context, 3)),
        seed(Input(context, 4)),
        sizes(MakeSizes()),
        inputs{x.type() == TF_FLOAT ? x.data<float>() : nullptr,
               x.type() == TF_FLOAT ? nullptr : x.data<uint16_t>(),
               Dropout(settings.rate, seed.data<int64_t>()), settings.backward, sizes} {
    const int32_t* length = lengths.data<int32_t>();
    for (int i = 0; i < sizes.batch; ++i) {
      Require(0 <= length[i] && length[i] <= sizes.time, "a length is outside of its sequence");
    }
    chunks = MakeChunks(length, sizes.batch);
    places.push_back(0);
    for (const Chunk& chunk : chunks) places.push_back(places.back() + chunk.saved(sizes));
  }

  Sizes MakeSizes() const {
    Require(x.rank() == 3 && kernel.rank() == 2 && recurrent.rank() == 2, "ranks do not fit");
    const Sizes made{x.dim(0), x.dim(1), x.dim(2), recurrent.dim(0), settings.reset_after};
    Require(lengths.Is({made.batch}) && seed.Is({2}), "shapes of lengths or seed do not fit");
    Require(made.units > 0 && kernel.Is({made.dim, made.columns()}) &&
                recurrent.Is({made.units, made.columns()}),
            "shapes of weights do not fit");
    return made;
  }

  bool is_half() const { return x.type() != TF_FLOAT; }

  // Calls run(Numbers()).
  template <class Run>
  void InPrecision(Run run) const {
    if (!is_half()) return run(Float32());
#if AMH_TF_TILES
    if (TiledBfloat16::Allowed()) return run(TiledBfloat16());
#endif
    run(Bfloat16());
  }

  // Zeros what follows a chunk's valid steps.
  template <class Element>
  void ClearPadding(const Chunk& chunk, Element* sequence, int width) const {
    for (size_t i = 0; i < chunk.rows.size(); ++i) {
      const long row = static_cast<long>(chunk.rows[i]) * sizes.time;
      std::fill(sequence + (row + chunk.lengths[i]) * width, sequence + (row + sizes.time) * width,
                Element(0));
    }
  }

  // Runs what make(i, memory) returns for each chunk, from its first step to its last or back.
  template <class Make>
  void Each(bool back, Make make) const {
    constexpr int kSteps = 8;  // of a part: a millisecond or less
    std::vector<Job> jobs;
    for (const Chunk& chunk : chunks) {
      Job job;
      for (int t = 0; t < chunk.steps(); t += kSteps) {
        job.left.push_back(back ? chunk.offsets[chunk.steps() - t]
                                : chunk.offsets.back() - chunk.offsets[t]);
      }
      if (job.left.empty()) job.left.push_back(0);
      jobs.push_back(std::move(job));
    }
    std::vector<Loan> loans(chunks.size());
    std::vector<decltype(make(0, *loans[0]))> made(chunks.size());
    Relay::Run(std::max(1, settings.threads), jobs, [&](int i, int part) {
      if (part == 0) made[i] = make(i, *loans[i]);
      const int steps = chunks[i].steps(), first = part * kSteps;
      const int end = std::min(first + kSteps, steps);
      made[i]->Run(back ? steps - end : first, back ? steps - first : end);
    });
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
  const bool save = call.settings.save;
  const Tensor saved = Output(context, 2, TF_FLOAT, {save ? call.places.back() : 0});
  const Weights weights{call.kernel.data<float>(), call.recurrent.data<float>(),
                             bias.data<float>(), inner_bias.data<float>()};
  std::fill_n(last.data<float>(), last.size(), 0.0f);
  auto run = [&](auto numbers) {
    using Numbers = decltype(numbers);
    Loan memory;
    const ForwardWeights<Numbers> laid_out(weights, sizes, *memory);
    call.Each(false, [&](int i, Memory& memory) {
      const Chunk& chunk = call.chunks[i];
      call.ClearPadding(chunk, states.data<float>(), sizes.units);
      return std::make_unique<Forward<Numbers>>(
          chunk, call.inputs, laid_out, states.data<float>(), last.data<float>(),
          save ? saved.data<float>() + call.places[i] : nullptr, memory);
    });
  };
  call.InPrecision(run);
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
  std::vector<Loan> loans(call.chunks.size());
  std::vector<std::unique_ptr<WeightGradients>> sums(call.chunks.size());
  auto run = [&](auto numbers) {
    using Numbers = decltype(numbers);
    Loan memory;
    const BackwardWeights<Numbers> laid_out(call.recurrent.data<float>(), sizes, *memory);
    call.Each(true, [&](int i, Memory& memory) {
      sums[i] = std::make_unique<WeightGradients>(sizes, Numbers::kMoreRows, *loans[i]);
      return std::make_unique<Backward<Numbers>>(
          call.chunks[i], call.inputs, laid_out, states.data<float>(),
          saved.data<float>() + call.places[i], d_states.data<float>(), d_last.data<float>(),
          gates.data<float>() + call.places[i], *sums[i], memory);
    });
  };
  call.InPrecision(run);

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
  auto run = [&](auto numbers) {
    using Numbers = decltype(numbers);
    Loan memory;
    const InputWeights<Numbers> laid_out(call.kernel.data<float>(), sizes, *memory);
    call.Each(false, [&](int i, Memory& memory) {
      const Chunk& chunk = call.chunks[i];
      full ? call.ClearPadding(chunk, full, sizes.dim) : call.ClearPadding(chunk, half, sizes.dim);
      return std::make_unique<InputGradient<Numbers>>(chunk, call.inputs, laid_out,
                                                      gates.data<float>() + call.places[i], full,
                                                      half, memory);
    });
  };
  call.InPrecision(run);
}

Operation Described(const char* name, void (*compute)(void*, TF_OpKernelContext*),
                    std::vector<const char*> inputs, std::vector<const char*> outputs) {
  Operation made{name, Create<false>, compute, Delete, {}, std::move(outputs), {}};
  made.inputs = {"x: T", "lengths: int32", "kernel: float", "recurrent: float", "seed: int64"};
  made.inputs.insert(made.inputs.end(), inputs.begin(), inputs.end());
  made.attributes = {"T: {float, bfloat16}", "reset_after: bool", "backward: bool", "rate: float",
                     "threads: int >= 1"};
  return made;
}

// TensorFlow calls this when it loads the library.
__attribute__((constructor)) void RegisterAll() {
  Operation states = Described("AmhGru", Guarded<ComputeStates>,
                               {"bias: float", "inner_bias: float"},
                               {"states: float", "last: float", "saved: float"});
  states.create = Create<true>;
  states.attributes.push_back("save: bool");
  Register(states);
  Register(Described("AmhGruGradient", Guarded<ComputeGradients>,
                     {"states: float", "saved: float", "d_states: float", "d_last: float"},
                     {"gates: float", "d_kernel: float", "d_recurrent: float", "d_bias: float",
                      "d_inner_bias: float"}));
  Register(Described("AmhGruInputGradient", Guarded<ComputeInputGradient>, {"gates: float"},
                     {"d_x: T"}));
}

}  // namespace
