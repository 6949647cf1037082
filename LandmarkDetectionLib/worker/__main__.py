"""Do the work of a window in this process."""

from LandmarkDetectionLib.worker.pipes import answer_pipes
from LandmarkDetectionLib.worker.tasks import Worker


def main() -> None:
    """Answer the requests of standard input."""
    answer_pipes(lambda send: Worker(send).answer)


if __name__ == "__main__":
    main()
