#pragma once
// The keeper of one partition: parent of its program, writer of its log, and who starts it again. One small process for
// each running partition; it may be killed at any moment: the partition runs on, and the next keeper goes on from the facts
// on disk. No log line is lost meanwhile, since the program's output waits in FIFOs that its own end holds open.
//
//   RUN/partitions/NAME/bundle/config.json   what is launched, made by whoever prepared the partition
//   RUN/partitions/NAME/keeper               locked while there is a keeper
//   RUN/partitions/NAME/control              runtime/keeper/control.h
//   RUN/partitions/NAME/{stdout,stderr}      FIFOs
//   RUN/partitions/NAME/exit                 written by the first process
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/partition/store.h"

namespace shoji {

struct KeeperOptions {
  PartitionStore store;
  std::string state;  // of containers
  std::string name;
  // What to execute when the partition is down for good: it takes back what was prepared.
  std::vector<std::string> cleanup;
  // Whoever started us listens here: "ok\n" when the program runs, or the sentence why it does not; and "exited CODE\n"
  // when it is down for good, before the cleanup. -1: nobody does.
  int report = -1;
};

// Keeps the partition until it is down for good. kExists when it has a keeper. Makes this process a session leader and a
// subreaper, and takes its standard streams away.
Result<> keep_partition(const KeeperOptions& options);

}  // namespace shoji
