// The thread that llama.cpp runs on. Its calls block for milliseconds to seconds, and ggml decodes fastest when all calls come
// from the same thread, so they run here one after the other instead of on libuv's thread pool (docs/decisions/0015).
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

/** One per JavaScript environment, started by the first job. */
class InferenceThread {
public:
    /** Makes a job's result on JavaScript's thread. */
    using Result = std::function<Napi::Value(Napi::Env)>;
    /** Runs on the inference thread. What it throws rejects the job's promise. */
    using Work = std::function<Result()>;

    static InferenceThread & of(Napi::Env env);

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
    };

    static void settle(Napi::Env env, Napi::Function callback, InferenceThread * self, Job * job);
    using Settlements = Napi::TypedThreadSafeFunction<InferenceThread, Job, settle>;

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
