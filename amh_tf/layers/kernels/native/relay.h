// Work that several threads share: whoever is free takes the next part of a job. Cores are not
// equally fast, as others may use them too, and operations that run at the same time are not
// equally long.
#ifndef AMH_TF_RELAY_H_
#define AMH_TF_RELAY_H_

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace amh {

// A job's parts follow one another, by whichever thread.
struct Job {
  std::vector<long> left;  // work before each part
};

class Relay {
 public:
  // Calls run(job, part) for every part, on up to `threads` threads: the caller's own, and those
  // that no other Relay keeps busy. Throws what `run` throws.
  static void Run(int threads, const std::vector<Job>& jobs,
                  const std::function<void(int, int)>& run) {
    Relay relay(threads, jobs, run);
    relay.Lead();
    if (relay.failure_) std::rethrow_exception(relay.failure_);
  }

 private:
  struct State {
    int next = 0;
    bool runs = false;
  };

  // What all of a process's relays share. Never destroyed, as its threads do not end.
  struct Crew {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Relay*> relays;
    int helpers = 0;
    int active = 0;  // threads that run a part or are about to
  };
  static Crew& Everyone() {
    static auto* crew = new Crew;
    return *crew;
  }

  Relay(int threads, const std::vector<Job>& jobs, const std::function<void(int, int)>& run)
      : threads_(threads), jobs_(jobs), run_(run), states_(jobs.size()) {}

  long Left(int job) const {
    const std::vector<long>& left = jobs_[job].left;
    const State& state = states_[job];
    return !failure_ && !state.runs && state.next < static_cast<int>(left.size())
               ? std::max(left[state.next], 1L)
               : 0;
  }

  // Returns the job to go on with, or -1: the one with the most left, as a job's parts cannot be
  // shared out; `last`, whose data the core has at hand, where the difference is small.
  int Next(int last) const {
    int most = -1;
    long largest = 0;
    for (int job = 0; job < static_cast<int>(jobs_.size()); ++job) {
      const long left = Left(job);
      if (left > largest) {
        most = job;
        largest = left;
      }
    }
    const bool known = last >= 0 && last < static_cast<int>(jobs_.size());
    return known && Left(last) > largest / 4 * 3 ? last : most;
  }

  void RunPart(int job, std::unique_lock<std::mutex>& lock) {
    State& state = states_[job];
    const int part = state.next++;
    state.runs = true;
    ++running_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      run_(job, part);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    state.runs = false;
    --running_;
    if (failure) failure_ = failure;
  }

  // Runs parts in the calling thread until all are done.
  void Lead() {
    Crew& crew = Everyone();
    std::unique_lock<std::mutex> lock(crew.mutex);
    crew.relays.push_back(this);
    if (jobs_.size() > 1) Hire(crew);
    ++crew.active;
    crew.changed.notify_all();
    for (int last = -1;;) {
      last = Next(last);
      if (last >= 0) {
        RunPart(last, lock);
        continue;
      }
      if (running_ == 0) break;
      --crew.active;  // leaves the core to others
      crew.changed.notify_all();
      ended_.wait(lock);
      ++crew.active;
    }
    --crew.active;
    crew.relays.erase(std::find(crew.relays.begin(), crew.relays.end(), this));
    crew.changed.notify_all();
  }

  void Hire(Crew& crew) {
    for (; crew.helpers < threads_ - 1; ++crew.helpers) {
      try {
        std::thread(Help).detach();
      } catch (const std::system_error&) {
        return;  // no more threads are to be had
      }
    }
  }

  // What a helper does all its life.
  static void Help() {
    Crew& crew = Everyone();
    std::unique_lock<std::mutex> lock(crew.mutex);
    const Relay* with = nullptr;
    for (int last = -1;;) {
      Relay* relay = nullptr;
      int job = -1;
      for (Relay* other : crew.relays) {
        if (crew.active >= other->threads_) continue;
        const int next = other->Next(other == with ? last : -1);
        if (next < 0 || (relay && other->Left(next) <= relay->Left(job))) continue;
        relay = other;
        job = next;
      }
      if (!relay) {
        crew.changed.wait(lock);
        continue;
      }
      with = relay;
      last = job;
      ++crew.active;
      relay->RunPart(job, lock);
      --crew.active;
      relay->ended_.notify_one();
    }
  }

  const int threads_;
  const std::vector<Job>& jobs_;
  const std::function<void(int, int)>& run_;
  std::vector<State> states_;
  std::condition_variable ended_;  // a helper's part
  int running_ = 0;
  std::exception_ptr failure_;
};

// Calls run(i) for all i below `count`, each in a part of its own.
inline void ForEach(int threads, int count, const std::function<void(int)>& run) {
  Relay::Run(threads, std::vector<Job>(count, Job{{1}}), [&](int job, int) { run(job); });
}

}  // namespace amh

#endif  // AMH_TF_RELAY_H_
