// Working memory that is kept from one call to the next.
#ifndef AMH_TF_MEMORY_H_
#define AMH_TF_MEMORY_H_

#include <sys/mman.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace amh {

// Asks for huge pages: memory taken from the system page by page costs a good part of a step.
inline void AdviseHugePages(void* start, size_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr size_t kHuge = 2 << 20;
  const size_t first = (reinterpret_cast<size_t>(start) + kHuge - 1) / kHuge * kHuge;
  const size_t end = (reinterpret_cast<size_t>(start) + bytes) / kHuge * kHuge;
  if (end > first) madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
#endif
}

// Hands out pieces of a block that grows to the largest need and is then reused.
class Memory {
 public:
  // Takes room for `count` elements; what is in it is undefined. Throws std::bad_alloc.
  template <class Element>
  Element* Take(size_t count) {
    const size_t bytes = (count * sizeof(Element) + kAlignment) / kAlignment * kAlignment;
    wanted_ += bytes;
    if (used_ + bytes <= size_) {
      void* piece = block_.get() + used_;
      used_ += bytes;
      return static_cast<Element*>(piece);
    }
    extra_.push_back(Allocate(bytes));
    return reinterpret_cast<Element*>(extra_.back().get());
  }

  // Takes everything back, and makes the block large enough for as much next time.
  void Release() {
    extra_.clear();
    if (wanted_ > size_) {
      block_.reset();
      size_ = 0;
      block_ = Allocate(wanted_);
      size_ = wanted_;
    }
    used_ = wanted_ = 0;
  }

 private:
  static constexpr size_t kAlignment = 256;
  struct Free {
    void operator()(char* block) const { std::free(block); }
  };
  using Block = std::unique_ptr<char, Free>;

  static Block Allocate(size_t bytes) {
    void* made = std::aligned_alloc(kAlignment, bytes);
    if (!made) throw std::bad_alloc();
    AdviseHugePages(made, bytes);
    return Block(static_cast<char*>(made));
  }

  Block block_;
  std::vector<Block> extra_;
  size_t size_ = 0, used_ = 0, wanted_ = 0;
};

// Lends a Memory that no other thread uses.
class Loan {
 public:
  Loan() {
    std::lock_guard<std::mutex> lock(Mutex());
    if (Idle().empty()) {
      memory_ = std::make_unique<Memory>();
    } else {
      memory_ = std::move(Idle().back());
      Idle().pop_back();
    }
  }
  ~Loan() {
    try {
      memory_->Release();
      std::lock_guard<std::mutex> lock(Mutex());
      Idle().push_back(std::move(memory_));
    } catch (const std::bad_alloc&) {
      // Then the next call starts with nothing.
    }
  }
  Loan(const Loan&) = delete;
  Memory& operator*() { return *memory_; }

 private:
  // Never destroyed: threads of TensorFlow's may outlive static objects.
  static std::vector<std::unique_ptr<Memory>>& Idle() {
    static auto* idle = new std::vector<std::unique_ptr<Memory>>;
    return *idle;
  }
  static std::mutex& Mutex() {
    static auto* mutex = new std::mutex;
    return *mutex;
  }

  std::unique_ptr<Memory> memory_;
};

}  // namespace amh

#endif  // AMH_TF_MEMORY_H_
