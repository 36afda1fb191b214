// Runs the compiled operations on sizes drawn at random, for sanitizers to look at.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "attention.h"
#include "backward.h"
#include "forward.h"
#include "hops.h"
#include "input_gradient.h"
#include "relay.h"

using namespace amh;

// Returns states, and the gradients of inputs and weights.
template <class Numbers>
std::vector<float> RunLayer(const Sizes& sizes, bool backward, float rate, int threads, bool half,
                            int draw) {
  std::srand(draw);
  const int batch = sizes.batch, time = sizes.time, dim = sizes.dim, units = sizes.units;
  const size_t steps = static_cast<size_t>(batch) * time;
  std::vector<float> x(steps * dim), kernel(dim * sizes.columns());
  std::vector<float> recurrent(units * sizes.columns()), bias(sizes.biases());
  for (auto* array : {&x, &kernel, &recurrent, &bias}) {
    for (float& value : *array) value = (std::rand() % 200 - 100) / 100.0f;
  }
  std::vector<uint16_t> low(x.size()), d_low(x.size());
  for (size_t i = 0; i < x.size(); ++i) low[i] = ToBfloat16(x[i]);
  // With two directions, these fill the second half of a state, and what is in the first stays.
  const int width = sizes.state_width(), unit = width - units;
  std::vector<float> states(steps * width), last(batch * width), d_x(x.size());
  const std::vector<float> d_states(states.size(), 0.1f), d_last(last.size(), 0.1f);
  std::vector<int32_t> lengths(batch);
  for (int32_t& length : lengths) length = std::rand() % (time + 1);
  const int64_t seed[2] = {std::rand(), std::rand()};
  const Inputs inputs{half ? nullptr : x.data(), half ? low.data() : nullptr, Dropout(rate, seed),
                      backward, sizes};
  const Weights weights{kernel.data(), recurrent.data(), bias.data()};
  Memory laid_out;
  const ForwardWeights<Numbers> forward(weights, sizes, laid_out);
  const BackwardWeights<Numbers> back(weights.recurrent, sizes, laid_out);
  const InputWeights<Numbers> of_inputs(weights.kernel, sizes, laid_out);
  const std::vector<Chunk> chunks = MakeChunks(lengths.data(), batch);
  std::vector<std::vector<float>> of_weights(chunks.size());
  ForEach(threads, static_cast<int>(chunks.size()), [&](int i_chunk) {
    const Chunk& chunk = chunks[i_chunk];
    const int steps = chunk.steps(), middle = steps / 2;
    Memory memory;
    std::vector<float> saved(chunk.saved(sizes)), gates(chunk.saved(sizes));
    for (float* to : {saved.data(), static_cast<float*>(nullptr)}) {
      const Forward<Numbers> run(chunk, inputs, forward, states.data() + unit, last.data() + unit,
                                 to, memory);
      run.Run(0, middle);
      run.Run(middle, steps);
      memory.Release();
    }
    for (float* to : {gates.data(), saved.data()}) {
      WeightGradients sums(sizes, Numbers::kMoreRows, memory);
      Backward<Numbers> run(chunk, inputs, back, states.data() + unit, saved.data(),
                            d_states.data() + unit, d_last.data() + unit, to, sums, memory);
      run.Run(middle, steps);
      run.Run(0, middle);
      std::vector<float> d_kernel(kernel.size()), d_recurrent(recurrent.size()), d_bias(bias.size());
      sums.AddTo(sizes, d_kernel.data(), d_recurrent.data(), d_bias.data());
      for (const auto* made : {&d_kernel, &d_recurrent, &d_bias}) {
        of_weights[i_chunk].insert(of_weights[i_chunk].end(), made->begin(), made->end());
      }
      memory.Release();
    }
    const InputDirection<Numbers> direction{&inputs, &of_inputs, gates.data()};
    const std::vector<InputDirection<Numbers>> directions(sizes.directions, direction);
    InputGradient<Numbers>(chunk, directions, half ? nullptr : d_x.data(),
                           half ? d_low.data() : nullptr, memory)
        .Run(0, sizes.directions * steps);
  });
  std::vector<float> all = states;
  for (int i = 0; i < batch; ++i) {
    const size_t first = static_cast<size_t>(i) * time * dim;
    for (size_t n = first; n < first + static_cast<size_t>(lengths[i]) * dim; ++n) {
      all.push_back(half ? FromBfloat16(d_low[n]) : d_x[n]);
    }
  }
  for (const auto& some : of_weights) all.insert(all.end(), some.begin(), some.end());
  return all;
}

void RequireClose(const std::vector<float>& found, const std::vector<float>& expected) {
  if (found.size() != expected.size()) std::abort();
  float largest = 1;
  for (float value : expected) largest = std::max(largest, std::fabs(value));
  for (size_t i = 0; i < found.size(); ++i) {
    if (std::fabs(found[i] - expected[i]) < 0.02f * largest) continue;
    std::printf("%zu of %zu: %g, not %g of %g\n", i, found.size(), found[i], expected[i], largest);
    std::exit(1);
  }
}

template <class Element>
void RunAttention(int time, int dim) {
  const int wide = RoundUp(dim, kWidth);
  std::vector<Element> steps(static_cast<size_t>(time) * dim, Element(1));
  std::vector<char> mask(time);
  for (char& valid : mask) valid = std::rand() % 3 > 0;
  std::vector<float> vector(wide), weights(time), pooled(wide), d_weights(time), d_scores(time);
  std::vector<float> d_vector(wide), sums(static_cast<size_t>(time) * dim);
  const Sequence<Element> sequence{steps.data(), reinterpret_cast<bool*>(mask.data()), time, dim};
  Attend(sequence, vector.data(), weights.data(), pooled.data());
  AttendBack(sequence, weights.data(), pooled.data(), vector.data(), d_weights.data(),
             d_scores.data(), d_vector.data());
  const std::vector<float> by_step(3 * time, 1.0f), by_number(3 * wide, 1.0f);
  OuterProducts(3, time, dim, by_step.data(), by_number.data(),
                [&](int t, int n, Vec value, int count) {
                  StoreFirst(sums.data() + static_cast<long>(t) * dim + n, value, count);
                });
}

// Hops over two or three sequences, forward and back.
template <class Element>
void RunAllHops() {
  HopSizes sizes{std::rand() % 12, {}, {}, {}};
  const int sequences = 2 + std::rand() % 2, hops = 1 + std::rand() % 7, batch = sizes.batch;
  std::vector<std::vector<Element>> steps, vectors, kernels, biases, projected, d_sequences;
  std::vector<std::vector<char>> masks;
  std::vector<std::vector<float>> pooled, weights;
  Sequences<Element> given;
  HopsGiven<Element> made;
  Hopped<Element> makes;
  HopGradients<Element> gradients;
  // Nothing moves that is pointed to: room for all.
  for (auto* arrays : {&steps, &vectors, &kernels, &biases, &projected, &d_sequences}) {
    arrays->reserve(16);
  }
  masks.reserve(16), pooled.reserve(16), weights.reserve(16);
  for (int s = 0; s < sequences; ++s) {
    const int time = std::rand() % 30, dim = 1 + std::rand() % 40;
    sizes.times.push_back(time), sizes.dims.push_back(dim);
    steps.emplace_back(static_cast<size_t>(batch) * time * dim, Element(1));
    d_sequences.push_back(steps.back());
    vectors.emplace_back(static_cast<size_t>(batch) * dim, Element(1));
    masks.emplace_back(static_cast<size_t>(batch) * time);
    for (char& valid : masks.back()) valid = std::rand() % 3 > 0;
    given.steps.push_back(steps.back().data());
    given.masks.push_back(reinterpret_cast<const bool*>(masks.back().data()));
    made.d_vectors.push_back(vectors.back().data());
    gradients.sequences.push_back(d_sequences.back().data());
    gradients.vectors.push_back(vectors.back().data());
  }
  Memory laid_out;
  std::vector<QueryWeights> of_queries;
  std::vector<QueryWeightsBack> back;
  for (int hop = 0; hop < hops; ++hop) {
    sizes.hops.push_back({std::rand() % sequences, {}});
    for (int s = 0; s < sequences; ++s) {
      if (s != sizes.hops[hop].target) sizes.hops[hop].others.push_back(s);
    }
    const int target = sizes.hops[hop].target, time = sizes.times[target], dim = sizes.dims[target];
    kernels.emplace_back(static_cast<size_t>(sizes.query(hop)) * dim, Element(1));
    biases.emplace_back(dim, Element(1));
    of_queries.push_back(
        LayOutQuery(sizes, hop, kernels.back().data(), biases.back().data(), laid_out));
    back.push_back(LayOutQueryBack(sizes, hop, kernels.back().data(), laid_out));
    pooled.emplace_back(static_cast<size_t>(batch) * dim);
    weights.emplace_back(static_cast<size_t>(batch) * time);
    projected.emplace_back(static_cast<size_t>(batch) * dim);
    makes.pooled.push_back(pooled.back().data());
    makes.weights.push_back(weights.back().data());
    makes.projected.push_back(projected.back().data());
    made.pooled.push_back(pooled.back().data());
    made.weights.push_back(weights.back().data());
    made.projected.push_back(projected.back().data());
    made.d_weights.push_back(weights.back().data());
    gradients.projected.push_back(projected.back().data());
  }
  given.sizes = sizes;
  const std::vector<const Element*> before = made.d_vectors;
  ForEach(2, (batch + kRows - 1) / kRows, [&](int group) {
    Memory memory;
    const int first = group * kRows, count = std::min(kRows, batch - first);
    RunHops(given, before, of_queries, first, count, makes, memory);
    RunHopsBack(given, made, back, first, count, gradients, memory);
  });
}

// Jobs of several callers at a time: every part once and in order; what a part throws arrives.
void RunRelays() {
  auto lead = [](int threads, bool fails) {
    std::vector<Job> jobs(std::rand() % 9);
    for (Job& job : jobs) job.left.assign(1 + std::rand() % 20, std::rand() % 5);
    std::vector<int> done(jobs.size());
    bool failed = false;
    try {
      Relay::Run(threads, jobs, [&](int job, int part) {
        if (done[job]++ != part) std::abort();
        if (fails && part == 3) throw 7;
      });
    } catch (int thrown) {
      failed = thrown == 7;
    }
    bool would = false;
    for (size_t i = 0; i < jobs.size(); ++i) {
      would = would || (fails && jobs[i].left.size() > 3);
      if (!failed && done[i] != static_cast<int>(jobs[i].left.size())) std::abort();
    }
    if (failed != would) std::abort();
  };
  for (int i = 0; i < 100; ++i) {
    std::thread other(lead, 3, i % 3 == 0);
    lead(2 + i % 2, i % 5 == 0);
    other.join();
  }
}

int main() {
  RunRelays();
  for (int i = 0; i < 150; ++i) {
    const bool large = i % 10 == 0;
    const Sizes sizes{std::rand() % 20, std::rand() % 9, 1 + std::rand() % (large ? 300 : 40),
                      1 + std::rand() % (large ? 210 : 40), static_cast<Cell>(i % 3),
                      1 + std::rand() % 2};
    const bool backward = std::rand() % 2 > 0;
    const float rate = std::rand() % 2 ? 0.4f : 0.0f;
    const int threads = 1 + std::rand() % 3;
    const int draw = std::rand();
    RunLayer<Float32>(sizes, backward, rate, threads, false, draw);
    const auto half = RunLayer<Bfloat16>(sizes, backward, rate, threads, true, draw);
#if AMH_TF_TILES
    if (TiledBfloat16::Allowed()) {
      RequireClose(RunLayer<TiledBfloat16>(sizes, backward, rate, threads, true, draw), half);
    }
#endif
    RunAttention<float>(std::rand() % 30, 1 + std::rand() % 40);
    RunAttention<uint16_t>(std::rand() % 30, 1 + std::rand() % 40);
    RunAllHops<float>();
    RunAllHops<uint16_t>();
  }
  std::puts("ok");
}
