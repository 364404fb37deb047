// Threads as proxies have them (ThreadMap, Thread, Context of /mp/proxy.capnp), on a single kj event loop.
//
// A Thread here is an identity and a lock: one call runs at a time, in order of arrival. A call that waits for a
// call of its own gives the lock up meanwhile, so that calls the peer makes back can run on the same thread, as they
// would on the stack of a thread that is blocked in libmultiprocess.
#pragma once

#include <capnp/capability.h>
#include <kj/async.h>
#include <kj/debug.h>

#include <deque>
#include <utility>
#include <vector>

#include "mp/proxy.capnp.h"

namespace peer {

using kj::uint;

class Thread final : public mp::Thread::Server {
public:
  explicit Thread(kj::String name) : name(kj::mv(name)) {}

  kj::Promise<void> getName(GetNameContext context) override {
    context.getResults().setResult(name);
    return kj::READY_NOW;
  }

  // Ends the hold on the thread when it goes away, also when that is because the call was cancelled.
  class Hold {
  public:
    explicit Hold(Thread& thread) : thread(&thread) {}
    Hold(Hold&& other) : thread(std::exchange(other.thread, nullptr)) {}
    Hold& operator=(Hold&& other) {
      std::swap(thread, other.thread);
      return *this;
    }
    ~Hold() noexcept(false) { release(); }
    void release() {
      if (thread != nullptr) std::exchange(thread, nullptr)->next();
    }

  private:
    Thread* thread;
  };

  kj::Promise<Hold> acquire() {
    if (!busy) {
      busy = true;
      return Hold(*this);
    }
    auto paf = kj::newPromiseAndFulfiller<Hold>();
    waiting.push_back(kj::mv(paf.fulfiller));
    return kj::mv(paf.promise);
  }

  size_t load() const { return waiting.size() + busy; }

private:
  void next() {
    while (!waiting.empty()) {
      auto fulfiller = kj::mv(waiting.front());
      waiting.pop_front();
      if (fulfiller->isWaiting()) {
        fulfiller->fulfill(Hold(*this));
        return;
      }
    }
    busy = false;
  }

  kj::String name;
  bool busy = false;
  std::deque<kj::Own<kj::PromiseFulfiller<Hold>>> waiting;
};

// A call that runs on a thread.
class Running {
public:
  Running(Thread& thread, mp::Thread::Client self, mp::Context::Reader context, Thread::Hold hold)
      : thread(thread), self(kj::mv(self)), callbackThread(context.getCallbackThread()), hold(kj::mv(hold)) {}

  // Calls the peer, on the thread of its that waits for this call, and gives this thread up meanwhile.
  template <typename Request>
  auto call(Request&& request) {
    auto context = request.initContext();
    context.setThread(callbackThread);
    context.setCallbackThread(self);
    hold.release();
    auto sent = request.send();
    using Response = decltype(sent.wait(kj::instance<kj::WaitScope&>()));
    return sent.then(
        [this](Response&& response) {
          return thread.acquire().then([this, response = kj::mv(response)](Thread::Hold&& h) mutable {
            hold = kj::mv(h);
            return kj::mv(response);
          });
        },
        [this](kj::Exception&& e) {
          return thread.acquire().then([this, e = kj::mv(e)](Thread::Hold&& h) mutable -> Response {
            hold = kj::mv(h);
            kj::throwFatalException(kj::mv(e));
          });
        });
  }

private:
  Thread& thread;
  mp::Thread::Client self;  // keeps the thread alive
  mp::Thread::Client callbackThread;
  Thread::Hold hold;
};

// The threads of one side of one connection.
class Threads {
public:
  mp::Thread::Client make(kj::StringPtr name) { return set.add(kj::heap<Thread>(kj::str(name))); }

  void makePool(uint count) {
    KJ_REQUIRE(pool.empty(), "makePool called on connection with existing pool");
    for (uint i = 0; i < count; i++) pool.push_back(make(kj::str("pool ", i)));
  }

  // Whether the capability is that thread of ours.
  kj::Promise<bool> same(mp::Thread::Client capability, mp::Thread::Client thread) {
    auto a = set.getLocalServer(capability);
    auto b = set.getLocalServer(thread);
    return a.then([b = kj::mv(b)](kj::Maybe<mp::Thread::Server&> x) mutable {
      return b.then([x](kj::Maybe<mp::Thread::Server&> y) {
        return x != nullptr && &KJ_ASSERT_NONNULL(x) == &KJ_ASSERT_NONNULL(y);
      });
    }).attach(kj::mv(capability), kj::mv(thread));
  }

  // Runs f(Running&), which returns a promise, on the thread that the context names or on one of the pool's.
  template <typename F>
  kj::Promise<void> run(mp::Context::Reader context, F f) {
    mp::Thread::Client client = context.getThread();
    if (!context.hasThread()) {
      KJ_REQUIRE(!pool.empty(), "no thread specified and no pool configured");
      return leastLoaded(0, 0, SIZE_MAX).then([this, context, f = kj::mv(f)](size_t i) mutable {
        return runOn(pool[i], context, kj::mv(f));
      });
    }
    return runOn(kj::mv(client), context, kj::mv(f));
  }

private:
  template <typename F>
  kj::Promise<void> runOn(mp::Thread::Client client, mp::Context::Reader context, F f) {
    auto found = set.getLocalServer(client);
    return found.then([client, context, f = kj::mv(f)](kj::Maybe<mp::Thread::Server&> server) mutable {
      auto& thread = kj::downcast<Thread>(KJ_REQUIRE_NONNULL(server, "invalid thread handle"));
      return thread.acquire().then([&thread, client, context, f = kj::mv(f)](Thread::Hold&& hold) mutable {
        auto running = kj::heap<Running>(thread, kj::mv(client), context, kj::mv(hold));
        auto& ref = *running;
        return kj::evalNow([&]() { return f(ref); }).attach(kj::mv(running));
      });
    }).attach(kj::mv(client));
  }

  kj::Promise<size_t> leastLoaded(size_t i, size_t best, size_t load) {
    if (i == pool.size()) return best;
    return set.getLocalServer(pool[i]).then([=](kj::Maybe<mp::Thread::Server&> server) {
      size_t l = kj::downcast<Thread>(KJ_ASSERT_NONNULL(server)).load();
      return l < load ? leastLoaded(i + 1, i, l) : leastLoaded(i + 1, best, load);
    });
  }

  capnp::CapabilityServerSet<mp::Thread> set;
  std::vector<mp::Thread::Client> pool;
};

class ThreadMap final : public mp::ThreadMap::Server {
public:
  explicit ThreadMap(Threads& threads) : threads(threads) {}

  kj::Promise<void> makeThread(MakeThreadContext context) override {
    context.getResults().setResult(threads.make(context.getParams().getName()));
    return kj::READY_NOW;
  }

  kj::Promise<void> makePool(MakePoolContext context) override {
    threads.makePool(context.getParams().getCount());
    return kj::READY_NOW;
  }

private:
  Threads& threads;
};

}  // namespace peer
