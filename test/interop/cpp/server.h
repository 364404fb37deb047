// The serving role: the bootstrap object of one connection.
#pragma once

#include <capnp/capability.h>
#include <kj/async.h>
#include <kj/timer.h>

#include "test/interop/level1.capnp.h"
#include "threads.h"

namespace peer {

namespace foo = mp::test::messages;

class Counter final : public interop::Counter::Server {
public:
  kj::Promise<void> next(NextContext context) override {
    context.getResults().setNumber(++number);
    return kj::READY_NOW;
  }

private:
  uint number = 0;
};

class Bootstrap final : public interop::Bootstrap::Server {
public:
  explicit Bootstrap(kj::Timer& timer) : timer(timer) {}

protected:
  // foo: without a context

  kj::Promise<void> add(AddContext context) override {
    auto p = context.getParams();
    context.getResults().setResult(p.getA() + p.getB());
    return kj::READY_NOW;
  }

  kj::Promise<void> addOut(AddOutContext context) override {
    auto p = context.getParams();
    context.getResults().setRet(p.getA() + p.getB());
    return kj::READY_NOW;
  }

  kj::Promise<void> addInOut(AddInOutContext context) override {
    auto p = context.getParams();
    context.getResults().setSum(p.getSum() + p.getX());
    return kj::READY_NOW;
  }

  kj::Promise<void> mapSize(MapSizeContext context) override {
    context.getResults().setResult(context.getParams().getMap().size());
    return kj::READY_NOW;
  }

  kj::Promise<void> pass(PassContext context) override {
    context.getResults().setResult(context.getParams().getArg());
    return kj::READY_NOW;
  }

  kj::Promise<void> raise(RaiseContext context) override {
    context.getResults().setError(context.getParams().getArg());
    return kj::READY_NOW;
  }

  kj::Promise<void> initThreadMap(InitThreadMapContext context) override {
    peerThreads = context.getParams().getThreadMap();
    context.getResults().setThreadMap(kj::heap<ThreadMap>(threads));
    return kj::READY_NOW;
  }

  kj::Promise<void> passCustom(PassCustomContext context) override {
    context.getResults().setResult(context.getParams().getArg());
    return kj::READY_NOW;
  }

  kj::Promise<void> passEmpty(PassEmptyContext context) override {
    context.getResults().setResult(context.getParams().getArg());
    return kj::READY_NOW;
  }

  // The texts are those that libmultiprocess's codecs and server put together.
  kj::Promise<void> passMessage(PassMessageContext context) override {
    auto text = context.getParams().getArg().getMessage();
    context.getResults().initResult().setMessage(kj::str(text, " read call build"));
    return kj::READY_NOW;
  }

  kj::Promise<void> passMutable(PassMutableContext context) override {
    auto text = context.getParams().getArg().getMessage();
    context.getResults().initArg().setMessage(kj::str(text, " pass call return"));
    return kj::READY_NOW;
  }

  kj::Promise<void> passEnum(PassEnumContext context) override {
    context.getResults().setResult(context.getParams().getArg());
    return kj::READY_NOW;
  }

  kj::Promise<void> passDouble(PassDoubleContext context) override {
    context.getResults().setResult(context.getParams().getArg());
    return kj::READY_NOW;
  }

  kj::Promise<void> passData(PassDataContext context) override {
    context.getResults().setResult(context.getParams().getArg());
    return kj::READY_NOW;
  }

  kj::Promise<void> passDataPointers(PassDataPointersContext context) override {
    context.getResults().setResult(context.getParams().getArg());
    return kj::READY_NOW;
  }

  kj::Promise<void> callFn(CallFnContext) override { return kj::READY_NOW; }

  // foo: on a thread

  kj::Promise<void> callback(CallbackContext context) override { return callAndDestroy(context); }
  kj::Promise<void> callbackUnique(CallbackUniqueContext context) override { return callAndDestroy(context); }
  kj::Promise<void> callbackShared(CallbackSharedContext context) override { return callAndDestroy(context); }

  kj::Promise<void> callbackExtended(CallbackExtendedContext context) override {
    return threads.run(context.getParams().getContext(), [context](Running& running) mutable {
      auto callback = context.getParams().getCallback();
      auto request = callback.callExtendedRequest();
      request.setArg(context.getParams().getArg());
      return destroyAfter(running, callback, running.call(kj::mv(request)).then([context](auto&& r) mutable {
        context.getResults().setResult(r.getResult());
      }));
    });
  }

  kj::Promise<void> saveCallback(SaveCallbackContext context) override {
    return threads.run(context.getParams().getContext(), [this, context](Running& running) mutable -> kj::Promise<void> {
      kj::Maybe<foo::FooCallback::Client> old = kj::mv(saved);
      saved = nullptr;
      if (context.getParams().hasCallback()) saved = context.getParams().getCallback();
      KJ_IF_MAYBE(o, old) {
        return running.call(o->destroyRequest()).ignoreResult();
      }
      return kj::READY_NOW;
    });
  }

  kj::Promise<void> callbackSaved(CallbackSavedContext context) override {
    return threads.run(context.getParams().getContext(), [this, context](Running& running) mutable {
      auto request = KJ_REQUIRE_NONNULL(saved, "no callback saved").callRequest();
      request.setArg(context.getParams().getArg());
      return running.call(kj::mv(request)).then([context](auto&& r) mutable {
        context.getResults().setResult(r.getResult());
      });
    });
  }

  kj::Promise<void> passFn(PassFnContext context) override {
    return threads.run(context.getParams().getContext(), [context](Running& running) mutable {
      auto fn = context.getParams().getFn();
      return destroyAfter(running, fn, running.call(fn.callRequest()).then([context](auto&& r) mutable {
        context.getResults().setResult(r.getResult());
      }));
    });
  }

  kj::Promise<void> callFnAsync(CallFnAsyncContext context) override {
    return threads.run(context.getParams().getContext(), [](Running&) -> kj::Promise<void> { return kj::READY_NOW; });
  }

  kj::Promise<void> callIntFnAsync(CallIntFnAsyncContext context) override {
    return threads.run(context.getParams().getContext(), [this, context](Running&) mutable -> kj::Promise<void> {
      int arg = context.getParams().getArg();
      switch (arg) {
        case -1:
          return KJ_EXCEPTION(FAILED, "std::exception: int fn error");
        case -2:
          return KJ_EXCEPTION(FAILED, "unknown non-KJ exception of type: mp::test::FooStruct");
        case -3:
          return timer.afterDelay(1 * kj::SECONDS).then([context, arg]() mutable {
            context.getResults().setResult(2 * arg);
          });
        default:
          context.getResults().setResult(2 * arg);
          return kj::READY_NOW;
      }
    });
  }

  // level1

  kj::Promise<void> self(SelfContext context) override {
    context.getResults().setSelf(thisCap());
    return kj::READY_NOW;
  }

  kj::Promise<void> counter(CounterContext context) override {
    context.getResults().setCounter(kj::heap<Counter>());
    return kj::READY_NOW;
  }

  kj::Promise<void> echo(EchoContext context) override {
    context.getResults().setCap(context.getParams().getCap());
    return kj::READY_NOW;
  }

  kj::Promise<void> echoLater(EchoLaterContext context) override {
    auto paf = kj::newPromiseAndFulfiller<capnp::Capability::Client>();
    context.getResults().setCap(kj::mv(paf.promise));
    later.push_back({kj::mv(paf.fulfiller), context.getParams().getCap()});
    return kj::READY_NOW;
  }

  kj::Promise<void> settle(SettleContext) override {
    for (auto& l : later) l.fulfiller->fulfill(kj::mv(l.cap));
    later.clear();
    return kj::READY_NOW;
  }

  kj::Promise<void> breakPromises(BreakPromisesContext) override {
    for (auto& l : later) l.fulfiller->reject(KJ_EXCEPTION(FAILED, "promise broken"));
    later.clear();
    return kj::READY_NOW;
  }

  kj::Promise<void> hold(HoldContext context) override {
    heldCap = nullptr;
    if (context.getParams().hasCap()) heldCap = context.getParams().getCap();
    return kj::READY_NOW;
  }

  kj::Promise<void> held(HeldContext context) override {
    KJ_IF_MAYBE(h, heldCap) context.getResults().setCap(*h);
    return kj::READY_NOW;
  }

  kj::Promise<void> callHeld(CallHeldContext context) override {
    auto counter = KJ_REQUIRE_NONNULL(heldCap, "nothing held").castAs<interop::Counter>();
    auto answers = kj::heapArrayBuilder<kj::Promise<uint>>(context.getParams().getTimes());
    while (!answers.isFull()) {
      answers.add(counter.nextRequest().send().then([](auto&& r) -> uint { return r.getNumber(); }));
    }
    return kj::joinPromises(answers.finish()).then([context](kj::Array<uint> numbers) mutable {
      auto list = context.getResults().initNumbers(numbers.size());
      for (auto i : kj::indices(numbers)) list.set(i, numbers[i]);
    });
  }

  kj::Promise<void> tail(TailContext context) override {
    auto request = context.getParams().getCounter().nextRequest();
    context.releaseParams();
    return context.tailCall(kj::mv(request));
  }

  kj::Promise<void> never(NeverContext context) override {
    context.allowCancellation();
    return kj::Promise<void>(kj::NEVER_DONE).attach(kj::defer([this]() { neversCancelled++; }), thisCap());
  }

  kj::Promise<void> cancelled(CancelledContext context) override {
    context.getResults().setCount(neversCancelled);
    return kj::READY_NOW;
  }

private:
  template <typename Context>
  kj::Promise<void> callAndDestroy(Context context) {
    return threads.run(context.getParams().getContext(), [context](Running& running) mutable {
      auto callback = context.getParams().getCallback();
      auto request = callback.callRequest();
      request.setArg(context.getParams().getArg());
      return destroyAfter(running, callback, running.call(kj::mv(request)).then([context](auto&& r) mutable {
        context.getResults().setResult(r.getResult());
      }));
    });
  }

  // A proxy client that goes tells its object so, and waits, before the call that it was a param of returns.
  template <typename Callback>
  static kj::Promise<void> destroyAfter(Running& running, Callback callback, kj::Promise<void> call) {
    return call.then(
        [&running, callback]() mutable { return running.call(callback.destroyRequest()).ignoreResult(); },
        [&running, callback](kj::Exception&& e) mutable {
          return running.call(callback.destroyRequest()).ignoreResult().then([e = kj::mv(e)]() mutable -> kj::Promise<void> {
            return kj::mv(e);
          });
        });
  }

  struct Later {
    kj::Own<kj::PromiseFulfiller<capnp::Capability::Client>> fulfiller;
    capnp::Capability::Client cap;
  };

  kj::Timer& timer;
  Threads threads;
  mp::ThreadMap::Client peerThreads = nullptr;
  kj::Maybe<foo::FooCallback::Client> saved;
  kj::Maybe<capnp::Capability::Client> heldCap;
  std::vector<Later> later;
  uint neversCancelled = 0;
};

}  // namespace peer
