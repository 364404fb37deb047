// The calling role: named scenarios, each on a connection of its own.
#pragma once

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/function.h>

#include <memory>

#include "test/interop/level1.capnp.h"
#include "server.h"
#include "threads.h"

namespace peer {

constexpr auto CALL_LIMIT = 20 * kj::SECONDS;

#define EXPECT(condition, ...) KJ_REQUIRE(condition, ##__VA_ARGS__)

// One connection to the server under test.
class Session {
public:
  // The result of a promise, or an error if it takes too long.
  template <typename Promise>
  auto wait(Promise&& promise) {
    return io.provider->getTimer().timeoutAfter(CALL_LIMIT, kj::mv(promise)).wait(io.waitScope);
  }

  // The text of the error that the promise ends in.
  template <typename Promise>
  kj::Exception error(Promise&& promise) {
    kj::Maybe<kj::Exception> error;
    wait(promise.then([](auto&&...) {}, [&](kj::Exception&& e) { error = kj::mv(e); }));
    return kj::mv(KJ_REQUIRE_NONNULL(error, "no error"));
  }

  Session(kj::AsyncIoContext& io, kj::StringPtr address)
      : io(io),
        address(address),
        stream(wait(io.provider->getNetwork().parseAddress(address).then([](kj::Own<kj::NetworkAddress> a) {
          return a->connect().attach(kj::mv(a));
        }))),
        client(kj::heap<capnp::TwoPartyClient>(*stream)),
        foo(client->bootstrap().castAs<foo::FooInterface>()),
        level1(client->bootstrap().castAs<interop::Level1>()),
        callbackThread(threads.make("client")) {}

  // Exchanges thread maps without waiting.
  void exchangeThreadMaps() {
    auto request = foo.initThreadMapRequest();
    request.setThreadMap(kj::heap<ThreadMap>(threads));
    peerThreads = request.send().getThreadMap();
  }

  // A thread of the server's, as a promise: calls go out before the server has answered.
  mp::Thread::Client makeThread(kj::StringPtr name) {
    auto request = peerThreads.makeThreadRequest();
    request.setName(name);
    return request.send().getResult();
  }

  template <typename Request>
  Request on(mp::Thread::Client thread, Request&& request) {
    auto context = request.initContext();
    context.setThread(kj::mv(thread));
    context.setCallbackThread(callbackThread);
    return kj::mv(request);
  }

  kj::Promise<int> callIntFn(mp::Thread::Client thread, int arg) {
    auto request = on(kj::mv(thread), foo.callIntFnAsyncRequest());
    request.setArg(arg);
    return request.send().then([](auto&& r) -> int { return r.getResult(); });
  }

  void disconnect() {
    client = nullptr;
    stream = nullptr;
  }

  kj::AsyncIoContext& io;
  kj::StringPtr address;
  kj::Own<kj::AsyncIoStream> stream;
  kj::Own<capnp::TwoPartyClient> client;
  foo::FooInterface::Client foo;
  interop::Level1::Client level1;
  Threads threads;
  mp::ThreadMap::Client peerThreads = nullptr;
  mp::Thread::Client callbackThread;
};

// What became of an object that was handed to the server.
struct Fate {
  uint calls = 0;
  uint onThread = 0;   // calls whose context named the caller's callback thread and a thread of the server's
  uint destroyed = 0;  // calls of destroy
  bool gone = false;   // no reference is left
  kj::Own<kj::PromiseFulfiller<void>> whenGone;
};

template <typename Base>
class Watched : public Base {
public:
  Watched(Session& session, std::shared_ptr<Fate> f) : session(session), fatePtr(kj::mv(f)), fate(*fatePtr) {}
  ~Watched() noexcept(false) {
    fate.gone = true;
    if (fate.whenGone.get() != nullptr) fate.whenGone->fulfill();
  }

protected:
  kj::Promise<void> called(mp::Context::Reader context) {
    fate.calls++;
    if (!context.hasThread() || !context.hasCallbackThread()) return kj::READY_NOW;
    return session.threads.same(context.getThread(), session.callbackThread).then([this](bool same) {
      fate.onThread += same;
    });
  }

  Session& session;
  std::shared_ptr<Fate> fatePtr;  // outlives the scenario if the server never lets go
  Fate& fate;
};

class Callback final : public Watched<foo::ExtendedCallback::Server> {
public:
  using Watched::Watched;

  kj::Promise<void> call(CallContext context) override {
    return called(context.getParams().getContext()).then([context]() mutable {
      KJ_REQUIRE(context.getParams().getArg() >= 0, "callback error");
      context.getResults().setResult(context.getParams().getArg() + 1);
    });
  }

  kj::Promise<void> callExtended(CallExtendedContext context) override {
    return called(context.getParams().getContext()).then([context]() mutable {
      context.getResults().setResult(context.getParams().getArg() + 10);
    });
  }

  kj::Promise<void> destroy(DestroyContext) override {
    fate.destroyed++;
    return kj::READY_NOW;
  }
};

class Fn final : public Watched<foo::FooFn::Server> {
public:
  Fn(Session& session, std::shared_ptr<Fate> fate, kj::Function<kj::Promise<int>()> fn)
      : Watched(session, kj::mv(fate)), fn(kj::mv(fn)) {}

  kj::Promise<void> call(CallContext context) override {
    return called(context.getParams().getContext())
        .then([this]() { return fn(); })
        .then([context](int n) mutable { context.getResults().setResult(n); });
  }

  kj::Promise<void> destroy(DestroyContext) override {
    fate.destroyed++;
    return kj::READY_NOW;
  }

private:
  kj::Function<kj::Promise<int>()> fn;
};

class WatchedCounter final : public Watched<interop::Counter::Server> {
public:
  using Watched::Watched;

  kj::Promise<void> next(NextContext context) override {
    context.getResults().setNumber(++fate.calls);
    return kj::READY_NOW;
  }
};

// Waits until the server has dropped its last reference, and ours went before.
inline void waitGone(Session& s, const std::shared_ptr<Fate>& fate) {
  if (fate->gone) return;
  auto paf = kj::newPromiseAndFulfiller<void>();
  fate->whenGone = kj::mv(paf.fulfiller);
  s.wait(kj::mv(paf.promise));
}

}  // namespace peer
