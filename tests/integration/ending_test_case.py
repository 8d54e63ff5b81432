"""A unittest.TestCase that is told, after tearDown and clean-ups, whether its test failed: unittest itself only says so
to the result.
"""
import unittest


class EndingTestCase(unittest.TestCase):
    def run(self, result=None):
        if result is None:
            result = self.defaultTestResult()
        bad = len(result.failures) + len(result.errors)
        super().run(result)
        self.ended(len(result.failures) + len(result.errors) > bad)
        return result

    def ended(self, failed):
        """For the test class to say what becomes of its files."""
