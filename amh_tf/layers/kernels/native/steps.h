// What the steps of a recurrence are computed with, whatever its cell: weights as the products read
// them, a step's operands, and the sums of the weights' gradients.
#ifndef AMH_TF_STEPS_H_
#define AMH_TF_STEPS_H_

#include <algorithm>
#include <vector>

#include "memory.h"
#include "outer_products.h"
#include "products.h"
#include "rows.h"

namespace amh {

// Weights as the products read them, biases filled up to whole vectors. An LSTM has gates alone.
template <class Numbers>
struct ForwardWeights {
  using Element = typename Numbers::Element;
  const Element *gates, *candidate = nullptr, *inner = nullptr;
  const float *gates_bias, *candidate_bias = nullptr, *inner_bias = nullptr;

  ForwardWeights(const Weights& weights, const Sizes& sizes, Memory& memory) {
    const int units = sizes.units, dim = sizes.dim;
    const Source input{weights.kernel, sizes.columns(), 1, dim};
    const Source state{weights.recurrent, sizes.columns(), 1, units};
    auto laid_out = [&](std::vector<Source> sources, int moved, int columns) {
      std::vector<int> rows;
      for (Source& source : sources) {
        source.from += moved;
        rows.push_back(source.rows);
      }
      Element* to = memory.Take<Element>(LaidOutSize<Numbers>(rows, columns));
      LayOut<Numbers>(sources, columns, to);
      return to;
    };
    auto padded = [&](const float* from, int count) {
      float* to = memory.Take<float>(RoundUp(count, kWidth));
      std::copy_n(from, count, to);
      Pad(to, count, RoundUp(count, kWidth));
      return to;
    };
    gates = laid_out({input, state}, 0, sizes.gates() * units);
    gates_bias = padded(weights.bias, sizes.gates() * units);
    if (sizes.is_lstm()) return;
    if (sizes.reset_after()) {
      candidate = laid_out({input}, 2 * units, units);
      inner = laid_out({state}, 2 * units, units);
    } else {
      candidate = laid_out({input, state}, 2 * units, units);
    }
    candidate_bias = padded(weights.bias + 2 * units, units);
    inner_bias = padded(weights.bias + 3 * units, units);
  }
};

// Recurrent weights, transposed, as the products read them.
template <class Numbers>
struct BackwardWeights {
  using Element = typename Numbers::Element;
  const Element *gates, *candidate = nullptr;

  BackwardWeights(const float* recurrent, const Sizes& sizes, Memory& memory) {
    const int units = sizes.units;
    auto laid_out = [&](const float* from, int rows) {
      Element* to = memory.Take<Element>(LaidOutSize<Numbers>({rows}, units));
      LayOut<Numbers>({{from, 1, sizes.columns(), rows}}, units, to);
      return to;
    };
    gates = laid_out(recurrent, sizes.gates() * units);
    if (!sizes.is_lstm()) candidate = laid_out(recurrent + 2 * units, units);
  }
};

// Gradients of the weights that a chunk's rows add up, laid out with whole vectors in a row.
struct WeightGradients {
  // Of the state above that of the inputs for the gates; of a GRU's inputs above that of the
  // reset state for the candidate; `inner` is of the state with `reset_after`.
  float *gates, *candidate, *inner;
  float *gates_bias, *candidate_bias, *inner_bias;
  int gates_stride, candidate_stride;
  int state_rows, input_rows;  // with those that fill up
  int block_width;  // of what the gradients are products with: state, inputs, a GRU's reset state

  // more_rows: those that AddOuter needs room for.
  WeightGradients(const Sizes& sizes, int more_rows, Memory& memory)
      : gates_stride(Vectors(sizes.gates() * sizes.units) * kWidth),
        candidate_stride(sizes.is_lstm() ? 0 : sizes.wide()),
        state_rows(RoundUp(sizes.units, kRows)),
        input_rows(RoundUp(sizes.dim, kRows)),
        block_width(state_rows * (sizes.is_lstm() ? 1 : 2) + input_rows) {
    auto zeros = [&](size_t count) {
      float* made = memory.Take<float>(count);
      std::fill_n(made, count, 0.0f);
      return made;
    };
    const size_t rows = state_rows + input_rows + more_rows;
    gates = zeros(rows * gates_stride);
    candidate = zeros(rows * candidate_stride);
    inner = zeros(sizes.reset_after() ? (state_rows + more_rows) * candidate_stride : 0);
    gates_bias = zeros(gates_stride);
    candidate_bias = zeros(candidate_stride);
    inner_bias = zeros(candidate_stride);
  }

  // Adds them to those of Keras' weights.
  void AddTo(const Sizes& sizes, float* kernel, float* recurrent, float* bias) const {
    const int units = sizes.units, columns = sizes.columns(), gates_columns = sizes.gates() * units;
    auto add = [](float* to, int to_stride, const float* from, int stride, int rows, int count) {
      for (int i = 0; i < rows; ++i, to += to_stride, from += stride) {
        for (int n = 0; n < count; ++n) to[n] += from[n];
      }
    };
    const float* of_inputs = gates + static_cast<long>(state_rows) * gates_stride;
    add(kernel, columns, of_inputs, gates_stride, sizes.dim, gates_columns);
    add(recurrent, columns, gates, gates_stride, units, gates_columns);
    add(bias, 0, gates_bias, 0, 1, gates_columns);
    if (sizes.is_lstm()) return;
    const float* of_state = sizes.reset_after()
                                ? inner
                                : candidate + static_cast<long>(input_rows) * candidate_stride;
    add(kernel + 2 * units, columns, candidate, candidate_stride, sizes.dim, units);
    add(recurrent + 2 * units, columns, of_state, candidate_stride, units, units);
    add(bias + 2 * units, 0, candidate_bias, 0, 1, units);
    add(bias + 3 * units, 0, inner_bias, 0, 1, units);
  }
};

// A step forward of some rows: the first `rows` of a chunk.
template <class Numbers>
struct ForwardStep {
  int rows;
  Part<Numbers> x;
  float *h, *c;  // states, renewed: of the unit, and of an LSTM's cell
  // Room for the state as products read it, with zeros in what is left over.
  typename Numbers::Element* left;
  long left_stride;
  float* gates;          // where what the step saves is made
  float* streamed;       // where that goes past the caches, or null
  float* const* states;  // where each row's state goes
};

// One row's step back.
template <class Numbers>
struct BackwardRow {
  const float *saved, *saved_before;   // the latter null at the first step
  float* gates;                        // their gradients; may be `saved`
  const float *d, *ended, *h;          // gradients of the state, and the state before
  typename Numbers::Element* block;    // what the weights' gradients are products with
  float *carried, *beside;             // as in BackwardStep
};

// A step back of some rows, of what follows on BackwardRow.
template <class Numbers>
struct BackwardStep {
  int rows;
  const float* saved;
  float* gates;
  typename Numbers::Element* left;
  long left_stride;
  // From a later step: the gradient of the state; and that of an LSTM's cell, or of a GRU the
  // state before the step.
  float *carried, *beside;
};

// Adds the gradients of the weights that some steps' gates make up.
template <class Numbers>
struct OuterSums {
  const OuterLeft<Numbers>& left;
  const float* gates;
  long stride;
  typename Numbers::Element* panel;

  void Add(int first, int width, int gate, int columns, float* total, int total_stride,
           float* bias) const {
    AddOuter<Numbers>(left, first, width, gates + gate, stride, columns, total, total_stride, bias,
                      panel);
  }
};

}  // namespace amh

#endif  // AMH_TF_STEPS_H_
