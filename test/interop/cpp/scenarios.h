// What the calling role tries. A scenario ends normally or throws.
#pragma once

#include "client.h"

namespace peer {

struct Scenario {
  kj::StringPtr group;
  kj::StringPtr name;
  void (*run)(Session&);
};

inline std::shared_ptr<Fate> fate() { return std::make_shared<Fate>(); }

inline bool mentions(kj::Exception&& e, kj::StringPtr text) {
  KJ_REQUIRE(strstr(e.getDescription().cStr(), text.cStr()) != nullptr, "another error was expected", text, e.getDescription());
  return true;
}

// What a server's codecs add to a message is their own affair; its implementation adds " call".
inline void expectAddedTo(kj::StringPtr sent, kj::StringPtr got) {
  EXPECT(got.startsWith(sent), got);
  EXPECT(strstr(got.slice(sent.size()).cStr(), " call") != nullptr, got);
}

template <typename List>
void expectNumbers(List&& list, uint first, uint count) {
  EXPECT(list.size() == count, list.size(), count);
  for (uint i = 0; i < count; i++) EXPECT(list[i] == first + i, i, list[i], first);
}

template <typename T>
kj::Promise<kj::Array<T>> join(kj::Vector<kj::Promise<T>>& promises) {
  return kj::joinPromises(promises.releaseAsArray());
}

inline kj::Promise<uint> next(interop::Counter::Client& counter) {
  return counter.nextRequest().send().then([](auto&& r) -> uint { return r.getNumber(); });
}

// What the server's echo returns, with three calls on it that were made before the Return came and three after it.
struct Echoed {
  interop::Counter::Client promised;
  kj::Vector<kj::Promise<uint>> numbers;
  interop::Counter::Client direct;
};

inline Echoed echoed(Session& s, capnp::Capability::Client cap) {
  auto request = s.level1.echoRequest();
  request.setCap(kj::mv(cap));
  auto sent = request.send();
  auto promised = sent.getCap().castAs<interop::Counter>();
  kj::Vector<kj::Promise<uint>> numbers;
  for (int i = 0; i < 3; i++) numbers.add(next(promised));
  auto response = s.wait(kj::mv(sent));
  for (int i = 0; i < 3; i++) numbers.add(next(promised));
  return {kj::mv(promised), kj::mv(numbers), response.getCap().castAs<interop::Counter>()};
}

// A recursion of depth n over both sides, all of it on two threads.
inline kj::Promise<int> recurse(Session& s, mp::Thread::Client thread, std::shared_ptr<Fate> seen, int n) {
  if (n == 0) return 1;
  auto request = s.on(thread, s.foo.passFnRequest());
  request.setFn(kj::heap<Fn>(s, seen, [&s, thread, seen, n]() mutable {
    return recurse(s, thread, seen, n - 1).then([](int r) { return r + 1; });
  }));
  return request.send().then([](auto&& r) -> int { return r.getResult(); });
}

// A request of one of the three that take a FooCallback, with a callback that the server must call on our thread,
// destroy and let go.
template <typename Method>
void callbackBy(Session& s, Method method) {
  s.exchangeThreadMaps();
  auto seen = fate();
  {
    auto request = s.on(s.makeThread("a"), method());
    request.setCallback(kj::heap<Callback>(s, seen));
    request.setArg(6);
    EXPECT(s.wait(request.send()).getResult() == 7);
  }
  EXPECT(seen->calls == 1 && seen->onThread == 1, seen->calls, seen->onThread);
  EXPECT(seen->destroyed == 1, "the callback was not destroyed before the call returned");
  waitGone(s, seen);
}

inline const Scenario SCENARIOS[] = {
    {"foo", "add", [](Session& s) {
      auto request = s.foo.addRequest();
      request.setA(-1);
      request.setB(3);
      EXPECT(s.wait(request.send()).getResult() == 2);
    }},
    {"foo", "addOut", [](Session& s) {
      auto request = s.foo.addOutRequest();
      request.setA(3);
      request.setB(4);
      EXPECT(s.wait(request.send()).getRet() == 7);
    }},
    {"foo", "addInOut", [](Session& s) {
      auto request = s.foo.addInOutRequest();
      request.setX(3);
      request.setSum(7);
      EXPECT(s.wait(request.send()).getSum() == 10);
    }},
    {"foo", "mapSize", [](Session& s) {
      auto request = s.foo.mapSizeRequest();
      auto map = request.initMap(2);
      map[0].setFirst("a");
      map[0].setSecond("b");
      map[1].setFirst("c");
      map[1].setSecond("d");
      EXPECT(s.wait(request.send()).getResult() == 2);
    }},
    {"foo", "pass", [](Session& s) {
      auto request = s.foo.passRequest();
      auto arg = request.initArg();
      arg.setName("name");
      arg.setSetInt({1});  // one element: sets and maps come back in any order
      arg.setVectorBool({false, true, false});
      arg.setOptionalInt(3);
      arg.setHasOptionalInt(true);
      arg.setUnorderedSetInt({5});
      auto map = arg.initMapStringInt(1);
      map[0].setFirst("a");
      map[0].setSecond(1);
      auto want = kj::str(arg.asReader());
      auto response = s.wait(request.send());
      EXPECT(kj::str(response.getResult()) == want, response.getResult(), want);
    }},
    {"foo", "pass without the optional", [](Session& s) {
      auto request = s.foo.passRequest();
      request.initArg().setName("name");
      auto response = s.wait(request.send());
      EXPECT(!response.getResult().getHasOptionalInt());
      EXPECT(response.getResult().getName() == "name");
    }},
    {"foo", "raise", [](Session& s) {
      auto request = s.foo.raiseRequest();
      request.initArg().setName("raised");
      auto response = s.wait(request.send());
      EXPECT(response.hasError());
      EXPECT(response.getError().getName() == "raised");
    }},
    {"foo", "initThreadMap", [](Session& s) {
      auto request = s.foo.initThreadMapRequest();
      request.setThreadMap(kj::heap<ThreadMap>(s.threads));
      auto response = s.wait(request.send());
      EXPECT(response.hasThreadMap());
      auto make = response.getThreadMap().makeThreadRequest();
      make.setName("a name");
      auto thread = s.wait(make.send()).getResult();
      auto name = s.wait(thread.getNameRequest().send());
      EXPECT(strstr(name.getResult().cStr(), "a name") != nullptr, name.getResult());
    }},
    {"foo", "callback", [](Session& s) { callbackBy(s, [&]() { return s.foo.callbackRequest(); }); }},
    {"foo", "callbackUnique", [](Session& s) { callbackBy(s, [&]() { return s.foo.callbackUniqueRequest(); }); }},
    {"foo", "callbackShared", [](Session& s) { callbackBy(s, [&]() { return s.foo.callbackSharedRequest(); }); }},
    {"foo", "callbackExtended", [](Session& s) {
      s.exchangeThreadMaps();
      auto seen = fate();
      {
        auto request = s.on(s.makeThread("a"), s.foo.callbackExtendedRequest());
        request.setCallback(kj::heap<Callback>(s, seen));
        request.setArg(1);
        EXPECT(s.wait(request.send()).getResult() == 11);
      }
      EXPECT(seen->calls == 1 && seen->onThread == 1 && seen->destroyed == 1, seen->calls, seen->onThread, seen->destroyed);
      waitGone(s, seen);
    }},
    {"foo", "saveCallback and callbackSaved", [](Session& s) {
      s.exchangeThreadMaps();
      auto thread = s.makeThread("a");
      auto save = [&](kj::Maybe<foo::FooCallback::Client> callback) {
        auto request = s.on(thread, s.foo.saveCallbackRequest());
        KJ_IF_MAYBE(c, callback) request.setCallback(kj::mv(*c));
        s.wait(request.send());
      };
      auto callSaved = [&](int arg) {
        auto request = s.on(thread, s.foo.callbackSavedRequest());
        request.setArg(arg);
        return s.wait(request.send()).getResult();
      };
      auto first = fate(), second = fate();
      save(foo::FooCallback::Client(kj::heap<Callback>(s, first)));
      EXPECT(callSaved(7) == 8 && callSaved(8) == 9);
      EXPECT(first->calls == 2 && first->onThread == 2 && first->destroyed == 0);
      save(foo::FooCallback::Client(kj::heap<Callback>(s, second)));
      EXPECT(first->destroyed == 1, "the callback that was replaced was not destroyed");
      waitGone(s, first);
      EXPECT(callSaved(9) == 10);
      save(nullptr);
      EXPECT(second->destroyed == 1);
      waitGone(s, second);
    }},
    {"foo", "passCustom", [](Session& s) {
      auto request = s.foo.passCustomRequest();
      request.initArg().setV1("v1");
      request.getArg().setV2(5);
      auto response = s.wait(request.send());
      EXPECT(response.getResult().getV1() == "v1" && response.getResult().getV2() == 5);
    }},
    {"foo", "passEmpty", [](Session& s) {
      auto request = s.foo.passEmptyRequest();
      request.initArg();
      EXPECT(s.wait(request.send()).hasResult());
    }},
    {"foo", "passMessage", [](Session& s) {
      auto request = s.foo.passMessageRequest();
      request.initArg().setMessage("init build");
      auto response = s.wait(request.send());
      expectAddedTo("init build", response.getResult().getMessage());
    }},
    {"foo", "passMutable", [](Session& s) {
      auto request = s.foo.passMutableRequest();
      request.initArg().setMessage("init build");
      auto response = s.wait(request.send());
      expectAddedTo("init build", response.getArg().getMessage());
    }},
    {"foo", "passEnum", [](Session& s) {
      auto request = s.foo.passEnumRequest();
      request.setArg(2);
      EXPECT(s.wait(request.send()).getResult() == 2);
    }},
    {"foo", "passDouble", [](Session& s) {
      auto request = s.foo.passDoubleRequest();
      request.setArg(1.25);
      EXPECT(s.wait(request.send()).getResult() == 1.25);
    }},
    // A server that keeps functions as long as they are reachable need not destroy them when the call ends.
    {"foo", "passFn", [](Session& s) {
      s.exchangeThreadMaps();
      auto seen = fate();
      EXPECT(s.wait(recurse(s, s.makeThread("a"), seen, 1)) == 2);
      EXPECT(seen->calls == 1 && seen->onThread == 1 && seen->destroyed <= 1, seen->calls, seen->onThread, seen->destroyed);
    }},
    {"foo", "passFn nested 20 deep", [](Session& s) {
      s.exchangeThreadMaps();
      auto seen = fate();
      EXPECT(s.wait(recurse(s, s.makeThread("a"), seen, 20)) == 21);
      EXPECT(seen->calls == 20 && seen->onThread == 20 && seen->destroyed <= 20, seen->calls, seen->onThread, seen->destroyed);
    }},
    {"foo", "callFn", [](Session& s) { s.wait(s.foo.callFnRequest().send()); }},
    {"foo", "callFnAsync", [](Session& s) {
      s.exchangeThreadMaps();
      s.wait(s.on(s.makeThread("a"), s.foo.callFnAsyncRequest()).send());
    }},
    {"foo", "callIntFnAsync", [](Session& s) {
      s.exchangeThreadMaps();
      auto thread = s.makeThread("a");
      EXPECT(s.wait(s.callIntFn(thread, 21)) == 42);
      auto failed = s.error(s.callIntFn(thread, -1));
      EXPECT(failed.getType() == kj::Exception::Type::FAILED);
      mentions(kj::mv(failed), "int fn error");
      EXPECT(s.error(s.callIntFn(thread, -2)).getType() == kj::Exception::Type::FAILED);
      EXPECT(s.wait(s.callIntFn(thread, -3)) == -6);
    }},
    {"foo", "passDataPointers", [](Session& s) {
      auto request = s.foo.passDataPointersRequest();
      auto arg = request.initArg(2);
      arg.set(0, kj::StringPtr("Hi").asBytes());
      auto response = s.wait(request.send());
      EXPECT(response.getResult().size() == 2);
      EXPECT(response.getResult()[0] == kj::StringPtr("Hi").asBytes());
      EXPECT(response.getResult()[1].size() == 0);
    }},
    {"foo", "passData", [](Session& s) {
      for (size_t size : {size_t(0), size_t(1), size_t(1) << 20}) {
        auto request = s.foo.passDataRequest();
        auto data = request.initArg(size);
        for (auto i : kj::indices(data)) data[i] = i * 31 >> 3;
        auto want = kj::heapArray(data.asConst());
        auto response = s.wait(request.send());
        EXPECT(response.getResult() == want, size);
      }
    }},

    {"foo", "1000 calls in flight keep their order", [](Session& s) {
      kj::Vector<kj::Promise<int>> promises;
      for (int i = 0; i < 1000; i++) {
        auto request = s.foo.addRequest();
        request.setA(i);
        promises.add(request.send().then([](auto&& r) -> int { return r.getResult(); }));
      }
      expectNumbers(s.wait(join(promises)), 0, 1000);
    }},
    {"foo", "a thread runs its calls in order, threads run side by side", [](Session& s) {
      s.exchangeThreadMaps();
      auto a = s.makeThread("a"), b = s.makeThread("b");
      kj::String order = kj::str();
      auto then = [&](kj::Promise<int> p, kj::StringPtr name) {
        return p.then([&order, name](int) { order = kj::str(order, name); }).eagerlyEvaluate(nullptr);
      };
      auto slow = then(s.callIntFn(a, -3), "slow ");
      auto after = then(s.callIntFn(a, 1), "after ");
      auto other = then(s.callIntFn(b, 1), "other ");
      s.wait(kj::joinPromises(kj::arr(kj::mv(slow), kj::mv(after), kj::mv(other))));
      EXPECT(order == "other slow after ", order);
    }},
    {"foo", "no thread and no pool", [](Session& s) {
      s.exchangeThreadMaps();
      mentions(s.error(s.foo.callFnAsyncRequest().send()), "no thread specified and no pool configured");
    }},
    {"foo", "a pool", [](Session& s) {
      s.exchangeThreadMaps();
      auto pool = s.peerThreads.makePoolRequest();
      pool.setCount(2);
      s.wait(pool.send());
      kj::Vector<kj::Promise<int>> promises;
      for (int i = 0; i < 10; i++) {
        auto request = s.foo.callIntFnAsyncRequest();
        request.initContext().setCallbackThread(s.callbackThread);
        request.setArg(i);
        promises.add(request.send().then([](auto&& r) -> int { return r.getResult() / 2; }));
      }
      expectNumbers(s.wait(join(promises)), 0, 10);
      auto again = s.peerThreads.makePoolRequest();
      again.setCount(1);
      mentions(s.error(again.send()), "makePool called on connection with existing pool");
    }},
    {"foo", "a foreign thread", [](Session& s) {
      s.exchangeThreadMaps();
      mentions(s.error(s.on(s.callbackThread, s.foo.callFnAsyncRequest()).send()), "invalid thread handle");
    }},
    {"foo", "a callback that fails", [](Session& s) {
      s.exchangeThreadMaps();
      auto seen = fate();
      {
        auto request = s.on(s.makeThread("a"), s.foo.callbackRequest());
        request.setCallback(kj::heap<Callback>(s, seen));
        request.setArg(-1);
        mentions(s.error(request.send()), "callback error");
      }
      EXPECT(seen->destroyed == 1);
      waitGone(s, seen);
    }},
    {"foo", "a callback that is a promise", [](Session& s) {
      // A senderPromise in the params; Resolve comes while the server's call is already on its way back to us.
      s.exchangeThreadMaps();
      auto seen = fate();
      {
        auto paf = kj::newPromiseAndFulfiller<foo::FooCallback::Client>();
        auto request = s.on(s.makeThread("a"), s.foo.callbackRequest());
        request.setCallback(kj::mv(paf.promise));
        request.setArg(6);
        auto sent = request.send();
        s.wait(s.foo.callFnRequest().send());
        paf.fulfiller->fulfill(kj::heap<Callback>(s, seen));
        EXPECT(s.wait(kj::mv(sent)).getResult() == 7);
      }
      waitGone(s, seen);
    }},
    {"foo", "a callback that is a promise and breaks", [](Session& s) {
      s.exchangeThreadMaps();
      auto paf = kj::newPromiseAndFulfiller<foo::FooCallback::Client>();
      auto request = s.on(s.makeThread("a"), s.foo.callbackRequest());
      request.setCallback(kj::mv(paf.promise));
      auto sent = request.send();
      s.wait(s.foo.callFnRequest().send());
      paf.fulfiller->reject(KJ_EXCEPTION(FAILED, "the promise broke"));
      mentions(s.error(kj::mv(sent)), "the promise broke");
    }},
    {"foo", "a thread that is a promise for the server's own", [](Session& s) {
      // Resolve to a capability that the receiver hosts.
      s.exchangeThreadMaps();
      auto thread = s.makeThread("a");
      s.wait(thread.whenResolved());
      auto paf = kj::newPromiseAndFulfiller<mp::Thread::Client>();
      auto sent = s.callIntFn(kj::mv(paf.promise), 4);
      s.wait(s.foo.callFnRequest().send());
      paf.fulfiller->fulfill(kj::mv(thread));
      EXPECT(s.wait(kj::mv(sent)) == 8);
    }},
    {"foo", "a thread that is a broken promise", [](Session& s) {
      s.exchangeThreadMaps();
      auto paf = kj::newPromiseAndFulfiller<mp::Thread::Client>();
      auto sent = s.callIntFn(kj::mv(paf.promise), 4);
      paf.fulfiller->reject(KJ_EXCEPTION(FAILED, "no such thread"));
      s.error(kj::mv(sent));
      s.wait(s.foo.callFnRequest().send());
    }},
    {"foo", "a method that does not exist", [](Session& s) {
      capnp::Capability::Client any = s.foo;
      auto call = [&](uint64_t interfaceId, uint16_t methodId) {
        auto request = any.typelessRequest(interfaceId, methodId, nullptr);
        request.initAsAnyStruct(0, 0);
        auto sent = request.send();
        // and a call pipelined on its results, which can only end in the same error
        capnp::AnyPointer::Pipeline& results = sent;
        capnp::Capability::Client promised(results.getPointerField(0).asCap());
        auto pipelined = promised.typelessRequest(interfaceId, methodId, nullptr).send();
        EXPECT(s.error(kj::mv(sent)).getType() == kj::Exception::Type::UNIMPLEMENTED);
        s.error(kj::mv(pipelined));
      };
      call(capnp::typeId<foo::FooInterface>(), 999);
      call(0xdeadbeefdeadbeef, 0);
      s.wait(s.foo.callFnRequest().send());
    }},
    {"foo", "a call that is cancelled", [](Session& s) {
      s.exchangeThreadMaps();
      auto thread = s.makeThread("a");
      {
        auto dropped = s.callIntFn(thread, -3).eagerlyEvaluate(nullptr);
        s.wait(s.foo.callFnRequest().send());
      }
      EXPECT(s.wait(s.callIntFn(thread, 5)) == 10);
    }},
    {"foo", "100 threads come and go", [](Session& s) {
      s.exchangeThreadMaps();
      kj::Vector<kj::Promise<int>> promises;
      for (int i = 0; i < 100; i++) {
        promises.add(s.callIntFn(s.makeThread(kj::str("t", i)), i).then([](int r) { return r / 2; }));
      }
      expectNumbers(s.wait(join(promises)), 0, 100);
    }},
    {"foo", "the client leaves in mid-call", [](Session& s) {
      s.exchangeThreadMaps();
      auto seen = fate();
      auto sent = s.callIntFn(s.makeThread("a"), -3).eagerlyEvaluate(nullptr);
      auto save = s.on(s.makeThread("b"), s.foo.saveCallbackRequest());
      save.setCallback(kj::heap<Callback>(s, seen));
      s.wait(save.send());
      s.disconnect();
      auto error = s.error(kj::mv(sent));
      EXPECT(error.getType() == kj::Exception::Type::DISCONNECTED, error);
      Session again(s.io, s.address);
      auto request = again.foo.addRequest();
      request.setA(1);
      EXPECT(again.wait(request.send()).getResult() == 1);
    }},

    {"level1", "a chain of pipelined calls", [](Session& s) {
      auto object = s.level1;
      for (int i = 0; i < 50; i++) object = object.selfRequest().send().getSelf();
      auto counter = object.counterRequest().send().getCounter();
      EXPECT(s.wait(next(counter)) == 1);
    }},
    {"level1", "an object of ours comes back through echo", [](Session& s) {
      // The Return brings a receiverHosted capability: ours must embargo it, and the server echo the Disembargo.
      auto seen = fate();
      {
        auto back = echoed(s, interop::Counter::Client(kj::heap<WatchedCounter>(s, seen)));
        expectNumbers(s.wait(join(back.numbers)), 1, 6);
        EXPECT(s.wait(next(back.direct)) == 7);
      }
      waitGone(s, seen);
    }},
    {"level1", "the server's object comes back through echo", [](Session& s) {
      auto counter = s.wait(s.level1.counterRequest().send()).getCounter();
      auto request = s.level1.echoRequest();
      request.setCap(counter);
      auto promised = request.send().getCap().castAs<interop::Counter>();
      kj::Vector<kj::Promise<uint>> numbers;
      numbers.add(next(counter));
      numbers.add(s.wait(next(promised)));
      numbers.add(next(counter));
      expectNumbers(s.wait(join(numbers)), 1, 3);
    }},
    {"level1", "nothing comes back through echo", [](Session& s) {
      EXPECT(!s.wait(s.level1.echoRequest().send()).hasCap());
    }},
    {"level1", "a promise resolves to an object of ours", [](Session& s) {
      // Return with a senderPromise, Resolve to receiverHosted, then the embargo.
      auto seen = fate();
      {
        auto request = s.level1.echoLaterRequest();
        request.setCap(interop::Counter::Client(kj::heap<WatchedCounter>(s, seen)));
        auto promise = s.wait(request.send()).getCap().castAs<interop::Counter>();
        kj::Vector<kj::Promise<uint>> numbers;
        for (int i = 0; i < 3; i++) numbers.add(next(promise));
        s.wait(s.level1.settleRequest().send());
        for (int i = 0; i < 3; i++) numbers.add(next(promise));
        s.wait(promise.whenResolved());
        for (int i = 0; i < 3; i++) numbers.add(next(promise));
        expectNumbers(s.wait(join(numbers)), 1, 9);
      }
      waitGone(s, seen);
    }},
    {"level1", "a promise resolves to an object of the server's", [](Session& s) {
      auto request = s.level1.echoLaterRequest();
      request.setCap(s.wait(s.level1.counterRequest().send()).getCounter());
      auto promise = s.wait(request.send()).getCap().castAs<interop::Counter>();
      kj::Vector<kj::Promise<uint>> numbers;
      for (int i = 0; i < 3; i++) numbers.add(next(promise));
      s.wait(s.level1.settleRequest().send());
      for (int i = 0; i < 3; i++) numbers.add(next(promise));
      expectNumbers(s.wait(join(numbers)), 1, 6);
    }},
    {"level1", "a promise breaks", [](Session& s) {
      auto request = s.level1.echoLaterRequest();
      request.setCap(s.level1);
      auto promise = s.wait(request.send()).getCap().castAs<interop::Counter>();
      auto early = next(promise);
      s.wait(s.level1.breakPromisesRequest().send());
      mentions(s.error(kj::mv(early)), "promise broken");
      mentions(s.error(next(promise)), "promise broken");
    }},
    {"level1", "a promise of ours resolves to an object of ours", [](Session& s) {
      auto seen = fate();
      {
        auto paf = kj::newPromiseAndFulfiller<capnp::Capability::Client>();
        auto hold = s.level1.holdRequest();
        hold.setCap(kj::mv(paf.promise));
        s.wait(hold.send());
        auto early = s.level1.callHeldRequest();
        early.setTimes(3);
        auto first = early.send();
        s.wait(s.foo.callFnRequest().send());
        paf.fulfiller->fulfill(interop::Counter::Client(kj::heap<WatchedCounter>(s, seen)));
        auto late = s.level1.callHeldRequest();
        late.setTimes(3);
        auto second = late.send();
        expectNumbers(s.wait(kj::mv(first)).getNumbers(), 1, 3);
        expectNumbers(s.wait(kj::mv(second)).getNumbers(), 4, 3);
        s.wait(s.level1.holdRequest().send());
      }
      waitGone(s, seen);
    }},
    {"level1", "a promise of ours resolves to the server's object in mid-flight", [](Session& s) {
      // The server's first calls come to us and go back to it; those it makes after Resolve must not overtake them.
      auto counter = s.wait(s.level1.counterRequest().send()).getCounter();
      auto paf = kj::newPromiseAndFulfiller<capnp::Capability::Client>();
      auto hold = s.level1.holdRequest();
      hold.setCap(kj::mv(paf.promise));
      s.wait(hold.send());
      auto early = s.level1.callHeldRequest();
      early.setTimes(3);
      auto first = early.send();
      s.wait(s.foo.callFnRequest().send());
      paf.fulfiller->fulfill(kj::mv(counter));
      auto late = s.level1.callHeldRequest();
      late.setTimes(3);
      auto second = late.send();
      expectNumbers(s.wait(kj::mv(first)).getNumbers(), 1, 3);
      expectNumbers(s.wait(kj::mv(second)).getNumbers(), 4, 3);
      auto last = s.level1.callHeldRequest();
      last.setTimes(2);
      expectNumbers(s.wait(last.send()).getNumbers(), 7, 2);
    }},
    {"level1", "a promise of ours comes back through echo", [](Session& s) {
      // The Return brings a receiverHosted promise, and a Disembargo follows at once, wherever that will lead.
      for (bool theirs : {false, true}) {
        auto seen = fate();
        {
          interop::Counter::Client counter = theirs
              ? s.wait(s.level1.counterRequest().send()).getCounter()
              : interop::Counter::Client(kj::heap<WatchedCounter>(s, seen));
          auto paf = kj::newPromiseAndFulfiller<capnp::Capability::Client>();
          auto back = echoed(s, kj::mv(paf.promise));
          paf.fulfiller->fulfill(kj::mv(counter));
          for (int i = 0; i < 3; i++) back.numbers.add(next(back.promised));
          expectNumbers(s.wait(join(back.numbers)), 1, 9);
        }
        if (!theirs) waitGone(s, seen);
      }
    }},
    {"level1", "a promise of ours breaks", [](Session& s) {
      auto paf = kj::newPromiseAndFulfiller<capnp::Capability::Client>();
      auto hold = s.level1.holdRequest();
      hold.setCap(kj::mv(paf.promise));
      s.wait(hold.send());
      paf.fulfiller->reject(KJ_EXCEPTION(FAILED, "our promise broke"));
      auto call = s.level1.callHeldRequest();
      call.setTimes(1);
      mentions(s.error(call.send()), "our promise broke");
    }},
    {"level1", "an answer's capability as a param", [](Session& s) {
      // receiverAnswer: the param names an answer that the server has yet to give.
      auto hold = s.level1.holdRequest();
      hold.setCap(s.level1.counterRequest().send().getCounter());
      auto held = hold.send();
      auto call = s.level1.callHeldRequest();
      call.setTimes(3);
      expectNumbers(s.wait(call.send()).getNumbers(), 1, 3);
      s.wait(kj::mv(held));
    }},
    {"level1", "the server holds an object and lets it go", [](Session& s) {
      auto seen = fate();
      {
        capnp::Capability::Client cap = interop::Counter::Client(kj::heap<WatchedCounter>(s, seen));
        for (int i = 0; i < 3; i++) {
          auto hold = s.level1.holdRequest();
          hold.setCap(cap);
          s.wait(hold.send());
        }
      }
      auto call = s.level1.callHeldRequest();
      call.setTimes(2);
      expectNumbers(s.wait(call.send()).getNumbers(), 1, 2);
      {
        auto back = s.wait(s.level1.heldRequest().send()).getCap().castAs<interop::Counter>();
        EXPECT(s.wait(next(back)) == 3);
      }
      EXPECT(!seen->gone, "the object went while it was held");
      s.wait(s.level1.holdRequest().send());
      waitGone(s, seen);
    }},
    {"level1", "a tail call to an object of ours", [](Session& s) {
      // sendResultsTo.yourself, takeFromOtherQuestion
      auto seen = fate();
      {
        interop::Counter::Client counter = kj::heap<WatchedCounter>(s, seen);
        for (uint i = 1; i <= 3; i++) {
          auto request = s.level1.tailRequest();
          request.setCounter(counter);
          EXPECT(s.wait(request.send()).getNumber() == i);
        }
      }
      waitGone(s, seen);
    }},
    {"level1", "a tail call to the server's object", [](Session& s) {
      auto request = s.level1.tailRequest();
      request.setCounter(s.level1.counterRequest().send().getCounter());
      EXPECT(s.wait(request.send()).getNumber() == 1);
    }},
    {"level1", "a tail call to a promise of ours", [](Session& s) {
      auto seen = fate();
      {
        auto paf = kj::newPromiseAndFulfiller<interop::Counter::Client>();
        auto request = s.level1.tailRequest();
        request.setCounter(kj::mv(paf.promise));
        auto sent = request.send();
        s.wait(s.foo.callFnRequest().send());
        paf.fulfiller->fulfill(kj::heap<WatchedCounter>(s, seen));
        EXPECT(s.wait(kj::mv(sent)).getNumber() == 1);
      }
      waitGone(s, seen);
    }},
    {"level1", "a cancelled call ends on the server", [](Session& s) {
      {
        auto dropped = s.level1.neverRequest().send();
        s.wait(s.foo.callFnRequest().send());
      }
      EXPECT(s.wait(s.level1.cancelledRequest().send()).getCount() == 1);
    }},

    {"kill", "the server dies in mid-call", [](Session& s) {
      // Whoever runs this kills the server when it reads the line.
      s.exchangeThreadMaps();
      auto thread = s.makeThread("a");
      s.wait(thread.whenResolved());
      auto sent = s.callIntFn(thread, -3);
      s.wait(s.foo.callFnRequest().send());
      printf("kill the server now\n");
      fflush(stdout);
      auto error = s.error(kj::mv(sent));
      EXPECT(error.getType() == kj::Exception::Type::DISCONNECTED, error);
      auto after = s.error(s.foo.callFnRequest().send());
      EXPECT(after.getType() == kj::Exception::Type::DISCONNECTED, after);
    }},
};

}  // namespace peer
