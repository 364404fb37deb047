// A peer for interop tests, on the reference Cap'n Proto library alone.
//
//   peer serve unix:PATH                  serves foo and level1 until it is killed; prints "listening" when it is ready
//   peer call unix:PATH GROUP|SCENARIO... runs scenarios against a server; prints "OK name" or "FAIL name: why" for each
//   peer list                             prints the scenarios, one a line, as GROUP<tab>NAME
//
// The exit status is 0 if every scenario passed, 1 if one failed, 2 if the arguments make no sense.

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/exception.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "scenarios.h"
#include "server.h"

namespace {

using namespace peer;

// Accepts connections for ever; each has a bootstrap object, and so threads and objects, of its own.
class Listener final : private kj::TaskSet::ErrorHandler {
public:
  Listener(kj::Timer& timer, kj::Own<kj::ConnectionReceiver> receiver)
      : timer(timer), receiver(kj::mv(receiver)), connections(*this) {}

  kj::Promise<void> run() {
    return receiver->accept().then([this](kj::Own<kj::AsyncIoStream> stream) {
      auto vat = kj::heap<capnp::TwoPartyClient>(*stream, kj::heap<Bootstrap>(timer), capnp::rpc::twoparty::Side::SERVER);
      auto gone = vat->onDisconnect();
      connections.add(gone.attach(kj::mv(vat)).attach(kj::mv(stream)));
      return run();
    });
  }

private:
  void taskFailed(kj::Exception&& e) override { fprintf(stderr, "connection: %s\n", e.getDescription().cStr()); }

  kj::Timer& timer;
  kj::Own<kj::ConnectionReceiver> receiver;
  kj::TaskSet connections;
};

int serve(kj::StringPtr address) {
  auto io = kj::setupAsyncIo();
  if (address.startsWith("unix:")) unlink(address.slice(5).cStr());
  auto parsed = io.provider->getNetwork().parseAddress(address).wait(io.waitScope);
  Listener listener(io.provider->getTimer(), parsed->listen());
  printf("listening\n");
  fflush(stdout);
  listener.run().wait(io.waitScope);
  return 0;
}

int call(kj::StringPtr address, kj::ArrayPtr<char*> wanted) {
  auto io = kj::setupAsyncIo();
  int failed = 0, ran = 0;
  for (auto& scenario : SCENARIOS) {
    bool matches = false;
    for (kj::StringPtr w : wanted) matches |= w == scenario.group || w == scenario.name;
    if (!matches) continue;
    ran++;
    auto exception = kj::runCatchingExceptions([&]() {
      Session session(io, address);
      scenario.run(session);
    });
    KJ_IF_MAYBE(e, exception) {
      failed++;
      printf("FAIL %s: %s:%d: %s\n", scenario.name.cStr(), e->getFile(), e->getLine(),
             e->getDescription().cStr());
    } else {
      printf("OK %s\n", scenario.name.cStr());
    }
    fflush(stdout);
  }
  if (ran == 0) {
    fprintf(stderr, "no such scenario; see `peer list`\n");
    return 2;
  }
  return failed > 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char* argv[]) {
  kj::StringPtr command = argc > 1 ? argv[1] : "";
  if (command == "list") {
    for (auto& scenario : SCENARIOS) printf("%s\t%s\n", scenario.group.cStr(), scenario.name.cStr());
    return 0;
  }
  if (command == "serve" && argc == 3) return serve(argv[2]);
  if (command == "call" && argc > 3) return call(argv[2], kj::arrayPtr(argv + 3, argv + argc));
  fprintf(stderr, "usage: peer serve ADDRESS | peer call ADDRESS GROUP|SCENARIO... | peer list\n");
  return 2;
}
