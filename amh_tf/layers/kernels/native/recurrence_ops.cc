// TensorFlow's operations for a recurrent layer, a GRU or an LSTM, in one direction or both.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "backward.h"
#include "forward.h"
#include "input_gradient.h"
#include "operations.h"
#include "relay.h"

namespace {

using namespace amh;

struct Settings {
  Cell cell;
  std::vector<bool> backward;  // of each direction, whether rows are read from their end
  bool save;
  float rate;
  int threads;
};

Cell CellNamed(const std::string& name) {
  if (name == "lstm") return Cell::kLstm;
  return name == "gru" ? Cell::kGru : Cell::kGruResetAfter;
}

// saves: whether the operation has the attribute `save`.
template <bool saves>
void* Create(TF_OpKernelConstruction* construction) {
  Attributes attributes(construction);
  auto settings = std::make_unique<Settings>(
      Settings{CellNamed(attributes.Text("cell")), attributes.Flags("backward"),
               saves && attributes.Flag("save"), attributes.Float("rate"),
               attributes.Integer("threads")});
  return attributes.Failed() ? nullptr : settings.release();
}

void Delete(void* kernel) { delete static_cast<Settings*>(kernel); }

// What all three operations are given.
struct Call {
  const Settings& settings;
  TF_OpKernelContext* context;
  const int directions;
  Tensor x, lengths, seed;
  std::vector<Tensor> kernels, recurrents;
  Sizes sizes;
  std::vector<Inputs> inputs;  // of each direction
  std::vector<Chunk> chunks;
  std::vector<long> places;  // of each direction's chunks, one after the other, in what is saved

  Call(void* made, TF_OpKernelContext* from)
      : settings(*static_cast<Settings*>(made)),
        context(from),
        directions(static_cast<int>(settings.backward.size())),
        x(Input(context, 0)),
        lengths(Input(context, 1)),
        seed(Input(context, 2)),
        kernels(Several(3)),
        recurrents(Several(3 + directions)),
        sizes(MakeSizes()) {
    const int32_t* length = lengths.data<int32_t>();
    for (int i = 0; i < sizes.batch; ++i) {
      Require(0 <= length[i] && length[i] <= sizes.time, "a length is outside of its sequence");
    }
    for (const bool backward : settings.backward) {
      inputs.push_back({is_half() ? nullptr : x.data<float>(),
                        is_half() ? x.data<uint16_t>() : nullptr,
                        Dropout(settings.rate, seed.data<int64_t>()), backward, sizes});
    }
    chunks = MakeChunks(length, sizes.batch);
    places.push_back(0);
    for (int i = 0; i < directions * count(); ++i) {
      places.push_back(places.back() + chunks[i % count()].saved(sizes));
    }
  }

  // Of the inputs from `first` on, one for each direction.
  std::vector<Tensor> Several(int first) const {
    std::vector<Tensor> tensors;
    for (int i = 0; i < directions; ++i) tensors.push_back(Input(context, first + i));
    return tensors;
  }

  // The number of the first input that is not the same for all operations.
  int first_own() const { return 3 + 2 * directions; }

  Sizes MakeSizes() const {
    Require(directions > 0 && x.rank() == 3 && recurrents[0].rank() == 2, "ranks do not fit");
    const Sizes made{x.dim(0),      x.dim(1), x.dim(2), recurrents[0].dim(0),
                     settings.cell, directions};
    Require(lengths.Is({made.batch}) && seed.Is({2}), "shapes of lengths or seed do not fit");
    for (int i = 0; i < directions; ++i) {
      Require(made.units > 0 && kernels[i].Is({made.dim, made.columns()}) &&
                  recurrents[i].Is({made.units, made.columns()}),
              "shapes of weights do not fit");
    }
    return made;
  }

  int count() const { return static_cast<int>(chunks.size()); }
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

  // Runs what make(direction, chunk, memory) returns for each chunk of each direction, from its
  // first step to its last or back. With `joined` a chunk's directions are one job after the other.
  template <class Make>
  void Each(bool back, bool joined, Make make) const {
    constexpr int kSteps = 8;  // of a part: a millisecond or less
    const int job_count = joined ? count() : directions * count();
    const int passes = joined ? directions : 1;
    std::vector<Job> jobs;
    for (int i = 0; i < job_count; ++i) {
      const Chunk& chunk = chunks[i % count()];
      const long total = passes * chunk.offsets.back();
      Job job;
      for (int t = 0; t < passes * chunk.steps(); t += kSteps) {
        const int pass = t / chunk.steps(), step = t % chunk.steps();
        job.left.push_back(back ? chunk.offsets[chunk.steps() - t]
                                : total - pass * chunk.offsets.back() - chunk.offsets[step]);
      }
      if (job.left.empty()) job.left.push_back(0);
      jobs.push_back(std::move(job));
    }
    std::vector<Loan> loans(job_count);
    std::vector<decltype(make(0, 0, *loans[0]))> made(job_count);
    Relay::Run(std::max(1, settings.threads), jobs, [&](int i, int part) {
      if (part == 0) made[i] = make(i / count(), i % count(), *loans[i]);
      const int steps = passes * chunks[i % count()].steps(), first = part * kSteps;
      const int end = std::min(first + kSteps, steps);
      made[i]->Run(back ? steps - end : first, back ? steps - first : end);
    });
  }
};

// Weights as `Layout` lays them out, of each direction.
template <class Layout, class Make>
std::vector<Layout> EachLaidOut(int directions, Make make) {
  std::vector<Layout> laid_out;
  for (int i = 0; i < directions; ++i) laid_out.push_back(make(i));
  return laid_out;
}

void ComputeStates(void* kernel, TF_OpKernelContext* context) {
  const Call call(kernel, context);
  const Sizes& sizes = call.sizes;
  const std::vector<Tensor> biases = call.Several(call.first_own());
  for (const Tensor& bias : biases) Require(bias.Is({sizes.biases()}), "a bias does not fit");
  const int width = sizes.state_width();
  const Tensor states = Output(context, 0, TF_FLOAT, {sizes.batch, sizes.time, width});
  const Tensor last = Output(context, 1, TF_FLOAT, {sizes.batch, width});
  const bool save = call.settings.save;
  const Tensor saved = Output(context, 2, TF_FLOAT, {save ? call.places.back() : 0});
  std::fill_n(last.data<float>(), last.size(), 0.0f);
  auto run = [&](auto numbers) {
    using Numbers = decltype(numbers);
    Loan memory;
    const auto laid_out = EachLaidOut<ForwardWeights<Numbers>>(call.directions, [&](int i) {
      const Weights weights{call.kernels[i].data<float>(), call.recurrents[i].data<float>(),
                            biases[i].data<float>()};
      return ForwardWeights<Numbers>(weights, sizes, *memory);
    });
    call.Each(false, false, [&](int direction, int i, Memory& memory) {
      const Chunk& chunk = call.chunks[i];
      if (direction == 0) chunk.ClearPadding(states.data<float>(), sizes.time, width);
      const int unit = direction * sizes.units;
      const long place = call.places[direction * call.count() + i];
      return std::make_unique<Forward<Numbers>>(
          chunk, call.inputs[direction], laid_out[direction], states.data<float>() + unit,
          last.data<float>() + unit, save ? saved.data<float>() + place : nullptr, memory);
    });
  };
  call.InPrecision(run);
}

void ComputeGradients(void* kernel, TF_OpKernelContext* context) {
  const Call call(kernel, context);
  const Sizes& sizes = call.sizes;
  const int directions = call.directions, first = call.first_own();
  // First, as nothing else may hold what is to be overwritten.
  const Tensor gates = Output(context, 0, TF_FLOAT, {call.places.back()}, first + 1);
  const Tensor states = Input(context, first), saved = Input(context, first + 1);
  const Tensor d_states = Input(context, first + 2), d_last = Input(context, first + 3);
  const int width = sizes.state_width();
  Require(states.Is({sizes.batch, sizes.time, width}) &&
              d_states.Is({sizes.batch, sizes.time, width}) && d_last.Is({sizes.batch, width}) &&
              saved.Is({call.places.back()}),
          "shapes of states or their gradients do not fit");
  std::vector<std::vector<Tensor>> made(3);  // of kernels, recurrent kernels, biases
  const std::vector<std::vector<int64_t>> shapes = {
      {sizes.dim, sizes.columns()}, {sizes.units, sizes.columns()}, {sizes.biases()}};
  for (int i = 0; i < 3 * directions; ++i) {
    made[i / directions].push_back(Output(context, 1 + i, TF_FLOAT, shapes[i / directions]));
    const Tensor& zeroed = made[i / directions].back();
    std::fill_n(zeroed.data<float>(), zeroed.size(), 0.0f);
  }
  std::vector<Loan> loans(directions * call.count());
  std::vector<std::unique_ptr<WeightGradients>> sums(loans.size());
  auto run = [&](auto numbers) {
    using Numbers = decltype(numbers);
    Loan memory;
    const auto laid_out = EachLaidOut<BackwardWeights<Numbers>>(directions, [&](int i) {
      return BackwardWeights<Numbers>(call.recurrents[i].data<float>(), sizes, *memory);
    });
    call.Each(true, false, [&](int direction, int i, Memory& memory) {
      const int unit = direction * sizes.units, job = direction * call.count() + i;
      const long place = call.places[job];
      sums[job] = std::make_unique<WeightGradients>(sizes, Numbers::kMoreRows, *loans[job]);
      return std::make_unique<Backward<Numbers>>(
          call.chunks[i], call.inputs[direction], laid_out[direction],
          states.data<float>() + unit, saved.data<float>() + place, d_states.data<float>() + unit,
          d_last.data<float>() + unit, gates.data<float>() + place, *sums[job], memory);
    });
  };
  call.InPrecision(run);
  for (size_t job = 0; job < sums.size(); ++job) {
    const int i = static_cast<int>(job) / call.count();
    sums[job]->AddTo(sizes, made[0][i].data<float>(), made[1][i].data<float>(),
                     made[2][i].data<float>());
  }
}

void ComputeInputGradient(void* kernel, TF_OpKernelContext* context) {
  const Call call(kernel, context);
  const Sizes& sizes = call.sizes;
  const Tensor gates = Input(context, call.first_own());
  Require(gates.Is({call.places.back()}), "gates do not fit");
  const Tensor made = Output(context, 0, call.x.type(), {sizes.batch, sizes.time, sizes.dim});
  float* full = call.is_half() ? nullptr : made.data<float>();
  uint16_t* half = call.is_half() ? made.data<uint16_t>() : nullptr;
  auto run = [&](auto numbers) {
    using Numbers = decltype(numbers);
    Loan memory;
    const auto laid_out = EachLaidOut<InputWeights<Numbers>>(call.directions, [&](int i) {
      return InputWeights<Numbers>(call.kernels[i].data<float>(), sizes, *memory);
    });
    call.Each(false, true, [&](int, int i, Memory& memory) {
      const Chunk& chunk = call.chunks[i];
      full ? chunk.ClearPadding(full, sizes.time, sizes.dim)
           : chunk.ClearPadding(half, sizes.time, sizes.dim);
      std::vector<InputDirection<Numbers>> directions;
      for (int d = 0; d < call.directions; ++d) {
        directions.push_back({&call.inputs[d], &laid_out[d],
                              gates.data<float>() + call.places[d * call.count() + i]});
      }
      return std::make_unique<InputGradient<Numbers>>(chunk, std::move(directions), full, half,
                                                      memory);
    });
  };
  call.InPrecision(run);
}

Operation Described(const char* name, void (*compute)(void*, TF_OpKernelContext*),
                    std::vector<const char*> inputs, std::vector<const char*> outputs) {
  Operation made{name, Create<false>, compute, Delete, {}, std::move(outputs), {}};
  made.inputs = {"x: T", "lengths: int32", "seed: int64", "kernels: N * float",
                 "recurrents: N * float"};
  made.inputs.insert(made.inputs.end(), inputs.begin(), inputs.end());
  made.attributes = {"T: {float, bfloat16}", "N: int >= 1",
                     "cell: {'gru', 'gru_reset_after', 'lstm'}", "backward: list(bool)",
                     "rate: float", "threads: int >= 1"};
  return made;
}

// TensorFlow calls this when it loads the library.
__attribute__((constructor)) void RegisterAll() {
  Operation states = Described("AmhRecurrence", Guarded<ComputeStates>, {"biases: N * float"},
                               {"states: float", "last: float", "saved: float"});
  states.create = Create<true>;
  states.attributes.push_back("save: bool");
  Register(states);
  Register(Described("AmhRecurrenceGradient", Guarded<ComputeGradients>,
                     {"states: float", "saved: float", "d_states: float", "d_last: float"},
                     {"gates: float", "d_kernels: N * float", "d_recurrents: N * float",
                      "d_biases: N * float"}));
  Register(Described("AmhRecurrenceInputGradient", Guarded<ComputeInputGradient>,
                     {"gates: float"}, {"d_x: T"}));
}

}  // namespace
