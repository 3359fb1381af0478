// The threads beside JavaScript's. llama.cpp's calls block for milliseconds to seconds, and ggml decodes fastest when all calls
// come from the same thread, so they run on one of these instead of on libuv's thread pool (docs/decisions/0015).
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "napi.h"

/** Runs jobs one after the other. Started by the first one. */
class WorkThread {
public:
    /** Makes a job's result on JavaScript's thread. */
    using Result = std::function<Napi::Value(Napi::Env)>;
    /** Runs on the thread. What it throws rejects the job's promise. */
    using Work = std::function<Result()>;

    /** The thread of a JavaScript environment that the work on contexts runs on. */
    static WorkThread & inference(Napi::Env env);
    /** Its thread for what a request needs before its first token: no decode waits for that. */
    static WorkThread & preparation(Napi::Env env);

    /**
     * Queues a job behind those queued before.
     *
     * @param kept objects that must not be collected before the job has ended
     */
    Napi::Value run(Napi::Env env, std::vector<Napi::ObjectReference> kept, Work work);

    /** True once the environment ends: for llama.cpp, which then leaves its decode. */
    const std::atomic<bool> & isEnding() const { return ending; }

private:
    struct Job {
        Napi::Promise::Deferred deferred;
        std::vector<Napi::ObjectReference> kept;
        Work work;
        Result result;
        std::string error;
        /** The `code` of the error. Empty: none. */
        std::string errorCode;
    };

    static void settle(Napi::Env env, Napi::Function callback, WorkThread * self, Job * job);
    using Settlements = Napi::TypedThreadSafeFunction<WorkThread, Job, settle>;

    std::atomic<bool> ending{false};
    std::mutex mutex;
    std::condition_variable queued;
    std::deque<std::unique_ptr<Job>> jobs;
    std::thread thread;
    Settlements settlements;
    /** Jobs that are not settled. Node runs until there are none. */
    size_t unsettled = 0;

    void start(Napi::Env env);
    void loop();
    void stop();
};
